"""Turns errors of the object store into a `LandingError` that says what to do.

This works for boto3 and for aiobotocore, because both raise the same classes.
"""

from collections.abc import Iterator
from contextlib import contextmanager

from landfall.errors import LandingError

_NO_BUCKET = {"NoSuchBucket"}
_DENIED = {"AccessDenied", "InvalidAccessKeyId", "SignatureDoesNotMatch", "InvalidToken", "ExpiredToken", "403", "401"}
_SET_KEYS = (
    "set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY to keys of this store    (landfall ps shows which store it is)"
)


def landing_error(error: Exception, *, doing: str, bucket: str, endpoint: str = "", left: str = "") -> LandingError:
    """The error for a person: there is no bucket, the credentials are wrong, the store is down, or any other answer of the store.

    Args:
        error: The error that botocore raised.
        doing: What failed, as a sentence without its full stop, such as "The landings of `a/b` could not be listed".
        bucket: The bucket.
        endpoint: The store's address; empty for Amazon's own.
        left: What is left behind, for the error.
    """
    from botocore import exceptions as boto

    place = f"bucket `{bucket}` at {endpoint or 'Amazon S3'}"
    if isinstance(error, boto.NoCredentialsError | boto.PartialCredentialsError):
        return _error(f"{doing}: there are no credentials.", f"{place}; {error}", left, _SET_KEYS)
    if not isinstance(error, boto.ClientError):
        kind = type(error).__name__
        return _error(f"{doing}: the object store does not answer.", f"{place} ({kind})", left, "landfall ps")
    code = str(error.response.get("Error", {}).get("Code", ""))
    status = int(error.response.get("ResponseMetadata", {}).get("HTTPStatusCode", 0))
    answer = f"{place} answered {status} {code}".rstrip()
    if code in _NO_BUCKET:
        bring = "landfall up    (it makes the bucket; or set LANDFALL_S3_BUCKET to one that exists)"
        return _error(f"{doing}: there is no bucket `{bucket}`.", answer, left, bring)
    if code in _DENIED or status in (401, 403):
        return _error(f"{doing}: the object store refuses these credentials.", answer, left, _SET_KEYS)
    if status >= 500 or code in ("SlowDown", "RequestTimeout"):
        return _error(
            f"{doing}: the object store is in trouble.", answer, left, "landfall ps    (then the same command again)"
        )
    message = str(error.response.get("Error", {}).get("Message", ""))
    return _error(f"{doing}: the object store said no.", f"{answer}: {message}".removesuffix(": "), left, "landfall ps")


@contextmanager
def translated(doing: str, *, bucket: str, endpoint: str = "", left: str = "") -> Iterator[None]:
    """Turns an error that botocore raises inside the `with` into the `LandingError` of `landing_error`."""
    from botocore.exceptions import BotoCoreError, ClientError

    try:
        yield
    except (BotoCoreError, ClientError) as error:
        raise landing_error(error, doing=doing, bucket=bucket, endpoint=endpoint, left=left) from error


def _error(what: str, looked: str, left: str, next: str) -> LandingError:
    return LandingError(what, looked=looked, left=left, next=next)
