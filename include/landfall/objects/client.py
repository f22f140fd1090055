"""Clients of the object store, all configured here: how long they wait, how often they try, what other stores need."""

from typing import Any

from landfall.objects.listing import ObjectStore
from landfall.spec import S3

CONNECTIONS = 16
"""Connections a client keeps, so that as many threads can put at once."""
ATTEMPTS = 3
"""Attempts of a client, within seconds, before an error is one."""


def connect(s3: S3) -> ObjectStore:
    """A client of the object store. Asks nothing yet, so it succeeds even if the store is down.

    Clients are safe to share between threads.
    """
    import boto3
    from botocore.config import Config

    client: ObjectStore = boto3.client("s3", **access(s3), config=Config(**configuration(s3, CONNECTIONS)))
    return client


def access(s3: S3) -> dict[str, Any]:
    """Where the store is and who asks, as botocore's and aiobotocore's clients take it."""
    return {
        "endpoint_url": s3.endpoint or None,
        "region_name": s3.region,
        "aws_access_key_id": s3.access_key or None,
        "aws_secret_access_key": s3.secret_key or None,
    }


def configuration(s3: S3, connections: int) -> dict[str, Any]:
    """A client's `Config`, for botocore and aiobotocore.

    It gives up connecting after 3 s and reading after 30 s, `ATTEMPTS` times at most: a store that is down is known in 12 s.
    """
    return {
        "connect_timeout": 3,
        "read_timeout": 30,
        "retries": {"total_max_attempts": ATTEMPTS, "mode": "standard"},
        "max_pool_connections": connections,
        # Other stores than Amazon's know neither virtual hosts nor its newer checksums.
        "s3": {"addressing_style": "path"} if s3.endpoint else {},
        "request_checksum_calculation": "when_required",
        "response_checksum_validation": "when_required",
    }
