"""Looks at everything that is declared, as `landfall status` does, and says what is wrong with it."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import partial

from landfall.alerts.wrong import Wrong, of_learner, of_model, of_partitions, of_slot, of_stream, slot_source
from landfall.changes.capture import slot_in
from landfall.database import connect
from landfall.errors import LandfallError, RunError
from landfall.ledger.survey import survey
from landfall.pipelines import LEARNERS, PIPELINES, STREAMS
from landfall.spec import Feed, OnlineLearner, Pipeline, Settings


@dataclass(frozen=True, kw_only=True)
class Look:
    """What one look has found.

    Args:
        wrong: What is wrong now.
        sources: Who could be looked at. Of the others nothing is known.
        unknown: The others, each with the error that a server gave.
    """

    wrong: list[Wrong] = field(default_factory=list)
    sources: list[str] = field(default_factory=list)
    unknown: dict[str, LandfallError] = field(default_factory=dict)


def look(settings: Settings) -> Look:
    """Looks at every feed, model, stream and learner. A server that is away hides only what it alone knows.

    Raises:
        PublishingError: the predictions database is away; then nothing is known.
    """
    result, now = Look(), datetime.now(UTC)
    with connect(settings) as conn:
        for pipeline in PIPELINES.values():
            for feed in pipeline.feeds:
                _add(result, feed.full_name, partial(_of_feed, settings, pipeline, feed))
            _add(result, pipeline.name, partial(of_model, conn, pipeline, now))
        for stream in STREAMS.values():
            _add(result, stream.name, partial(of_stream, conn, stream, now))
        for learner in LEARNERS.values():
            _add(result, learner.name, partial(of_learner, conn, learner, now))
            _add(result, slot_source(learner), partial(_of_slot, settings, learner))
    return result


def _add(result: Look, source: str, find: Callable[[], Iterable[Wrong]]) -> None:
    try:
        result.wrong.extend(find())
        result.sources.append(source)
    except LandfallError as error:
        result.unknown[source] = error


def _of_slot(settings: Settings, learner: OnlineLearner) -> list[Wrong]:
    return of_slot(learner, slot_in(settings, learner))


def _of_feed(settings: Settings, pipeline: Pipeline, feed: Feed) -> list[Wrong]:
    """What is wrong with a feed's partitions.

    Raises:
        LandfallError: S3, the database or Airflow is away: without its runs a partition may seem to stand otherwise.
    """
    known = survey(settings, pipeline, feed)
    if known.airflow_away:
        raise RunError(
            known.airflow_away, looked=f"for the runs of `{feed.dag_id}`", left="its alerts stay as they are"
        )
    return of_partitions(known.partitions)
