"""Makes and configures all clients of the object store: how long they wait, how often they try, and what other stores need."""

from typing import Any

from landfall.objects.listing import ObjectStore
from landfall.spec import S3

CONNECTIONS = 16
"""The number of connections that a client keeps, so that as many threads can put objects at once."""
ATTEMPTS = 3
"""The number of attempts of a client, within seconds, before it raises an error."""


def connect(s3: S3) -> ObjectStore:
    """A client of the object store. This sends no request yet, so it succeeds even if the store is down.

    Threads may share a client.
    """
    import boto3
    from botocore.config import Config

    client: ObjectStore = boto3.client("s3", **access(s3), config=Config(**configuration(s3, CONNECTIONS)))
    return client


def access(s3: S3) -> dict[str, Any]:
    """The store's address and the keys, as arguments for clients of botocore and aiobotocore."""
    return {
        "endpoint_url": s3.endpoint or None,
        "region_name": s3.region,
        "aws_access_key_id": s3.access_key or None,
        "aws_secret_access_key": s3.secret_key or None,
    }


def configuration(s3: S3, connections: int) -> dict[str, Any]:
    """The arguments of a client's `Config`, for botocore and aiobotocore.

    A client gives up connecting after 3 s and reading after 30 s, and tries `ATTEMPTS` times at most. So it knows within 12 s
    that a store is down.
    """
    return {
        "connect_timeout": 3,
        "read_timeout": 30,
        "retries": {"total_max_attempts": ATTEMPTS, "mode": "standard"},
        "max_pool_connections": connections,
        # Stores other than Amazon's support neither virtual hosts nor the newer checksums.
        "s3": {"addressing_style": "path"} if s3.endpoint else {},
        "request_checksum_calculation": "when_required",
        "response_checksum_validation": "when_required",
    }
