"""What a publication made now would be made with: the jobs' code, the contract, the champion."""

from datetime import UTC, datetime

from landfall.compute.code import code_of
from landfall.errors import ModelError
from landfall.ledger.standing import Current
from landfall.publishing import connect
from landfall.spec import Feed, Pipeline, Settings


def current_of(settings: Settings, pipeline: Pipeline, feed: Feed) -> Current:
    """The present of one feed. While the registry is away and no champion is written down, no model is out of date."""
    return Current(
        code=code_of(feed),
        contract=feed.contract.version,
        model=_champion(settings, pipeline) if feed.table == pipeline.predictions else None,
        now=datetime.now(UTC),
        restart_after=settings.restart_after,
    )


def _champion(settings: Settings, pipeline: Pipeline) -> str | None:
    """The champion as the history has it, which takes milliseconds; before there is a history, as the registry has it."""
    from landfall.freshness.history import newest
    from landfall.models.registry import champion_version

    name = pipeline.training.model
    with connect(settings) as connection:
        last = newest(connection, name)
    if last is not None:
        return last.version
    try:
        return champion_version(settings, name)
    except ModelError:
        return None
