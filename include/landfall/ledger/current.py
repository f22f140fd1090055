"""What a publication made now would be made with: the jobs' code, the contract, the champion."""

from datetime import UTC, datetime

from landfall.compute.code import code_of
from landfall.database import connect
from landfall.ledger.standing import Current
from landfall.spec import Feed, Pipeline, Settings


def current_of(settings: Settings, pipeline: Pipeline, feed: Feed) -> Current:
    """The present of one feed. Before the first promotion, no model is out of date. No registry is asked."""
    return Current(
        code=code_of(feed),
        contract=feed.contract.version,
        model=_champion(settings, pipeline) if feed.table == pipeline.predictions else None,
        now=datetime.now(UTC),
        restart_after=settings.restart_after,
    )


def _champion(settings: Settings, pipeline: Pipeline) -> str | None:
    from landfall.freshness.history import current

    with connect(settings) as connection:
        line = current(connection, pipeline.training.model)
    return line.version if line else None
