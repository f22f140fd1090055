"""What a publication made now would be made with: the jobs' code, the contract, the champion."""

from dataclasses import replace
from datetime import UTC, datetime

from landfall.compute.code import code_of
from landfall.database import Database, connect
from landfall.freshness.history import current
from landfall.ledger.contracts import changes_since
from landfall.ledger.standing import Current
from landfall.spec import Feed, Pipeline, Settings


def current_of(settings: Settings, pipeline: Pipeline, feed: Feed) -> Current:
    """What a publication of one feed would be made with now. This asks no registry.

    Raises:
        PublishingError: the database cannot be asked.
    """
    with connect(settings) as conn:
        return replace(current_in(conn, pipeline, feed, datetime.now(UTC)), restart_after=settings.restart_after)


def current_in(conn: Database, pipeline: Pipeline, feed: Feed, now: datetime) -> Current:
    """As `current_of`, over an open connection. Before the first promotion no publication has an outdated model."""
    promotion = current(conn, feed.model) if feed.model else None
    return Current(
        code=code_of(feed),
        contract=feed.contract.version,
        model=promotion.version if promotion else None,
        now=now,
        contract_changes=changes_since(conn, feed),
    )
