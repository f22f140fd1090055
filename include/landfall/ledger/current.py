"""What a publication made now would be made with: the jobs' code, the contract, the champion."""

from datetime import UTC, datetime

from landfall.compute.code import code_of
from landfall.errors import ModelError
from landfall.ledger.standing import Current
from landfall.spec import Feed, Pipeline, Settings


def current_of(settings: Settings, pipeline: Pipeline, feed: Feed) -> Current:
    """The present of one feed. While the registry is away no publication is out of date for its model's sake."""
    return Current(
        code=code_of(feed),
        contract=feed.contract.version,
        model=_champion(settings, pipeline) if feed.table == pipeline.predictions else None,
        now=datetime.now(UTC),
    )


def _champion(settings: Settings, pipeline: Pipeline) -> str | None:
    from landfall.models.registry import champion

    try:
        found = champion(settings, pipeline.training.model)
    except ModelError:
        return None
    return found.version if found else None
