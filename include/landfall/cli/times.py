"""Reads a moment as a person types it."""

from datetime import UTC, datetime

from landfall.errors import SpecError


def moment_of(text: str) -> datetime:
    """The moment in an ISO 8601 text, UTC unless it says otherwise.

    Raises:
        SpecError: the text is no ISO 8601.
    """
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        raise SpecError(
            f"`{text}` is not a time.", looked="expected ISO 8601, such as 2012-12-25 or 2012-12-25T12:00+01:00"
        ) from None
    return moment.astimezone(UTC) if moment.tzinfo else moment.replace(tzinfo=UTC)
