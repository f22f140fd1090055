"""The standing of every partition of a feed, for the command line. It only reads, and works also while Airflow is away.

Airflow is asked for the runs that have not ended or failed, and for the runs of partitions whose standing depends on how their
last run ended. A run that succeeded needs no question: the ledger and the publications say what came of it.
"""

from dataclasses import dataclass, replace
from datetime import datetime

from landfall.database import Database
from landfall.database import connect as connect_database
from landfall.errors import RunError
from landfall.landing.landed import iterate_landing
from landfall.ledger.airflow_runs import is_paused, newest_runs, unsuccessful_runs
from landfall.ledger.current import current_of
from landfall.ledger.facts import Facts
from landfall.ledger.gather import gather
from landfall.ledger.landed import Landed, sort_objects
from landfall.ledger.restarts import failed_at
from landfall.ledger.standing import Standing, judged
from landfall.objects.client import connect
from landfall.runs import AirflowApi
from landfall.spec import Feed, Partition, Pipeline, Settings


@dataclass(frozen=True, kw_only=True)
class Survey:
    """What is known about a feed: its partitions in order, and where each stands.

    Args:
        feed: The feed.
        partitions: Facts and standing of each.
        landed: What is in S3.
        airflow_away: Why Airflow could not be asked, so that no run is known; empty if it could.
    """

    feed: Feed
    partitions: list[tuple[Facts, Standing]]
    landed: Landed
    airflow_away: str = ""


def survey(
    settings: Settings,
    pipeline: Pipeline,
    feed: Feed,
    *,
    only: Partition | None = None,
    since: datetime | None = None,
) -> Survey:
    """Asks S3, the ledger and Airflow.

    Args:
        settings: Where the servers are.
        pipeline: The pipeline.
        feed: One of its feeds.
        only: The only partition to ask for; None: all.
        since: Of partitions that begin earlier, only the runs that have not ended are asked for.

    Raises:
        LandingError: S3 cannot be asked. PublishingError: the database cannot be asked.
    """
    store, bucket, current = connect(settings.s3), settings.s3.bucket, current_of(settings, pipeline, feed)
    landed = sort_objects(feed.landing, iterate_landing(store, bucket, feed.landing, only), current.now)
    away = ""
    with connect_database(settings) as database:
        try:
            gathered = _with_runs(AirflowApi(settings), database, feed, landed, only, since)
        except RunError as error:
            gathered, away = gather(database, feed, landed, None, only=only), error.what
    if only and any(facts.run and facts.run.state == "queued" and facts.run.backfill is not None for facts in gathered):
        # It may be queued behind runs of other partitions.
        whole = survey(settings, pipeline, feed, since=since)
        return replace(whole, partitions=[pair for pair in whole.partitions if pair[0].partition == only])
    standings = [(facts, judged(facts, current)) for facts in gathered]
    return Survey(feed=feed, partitions=standings, landed=landed, airflow_away=away)


def stale_by_model(settings: Settings, pipeline: Pipeline, feed: Feed, most: int) -> list[tuple[Facts, Standing]]:
    """The newest partitions, at most `most`, that another version than the champion scored, with the run that each had.

    Partitions that never had a run are left out, and so are all if Airflow is away.

    Raises:
        LandingError: S3 cannot be asked. PublishingError: the database cannot be asked. RunError: Airflow cannot be asked.
    """
    known = survey(settings, pipeline, feed)
    stale = [(facts, standing) for facts, standing in known.partitions if standing.reason == "model changed"][-most:]
    if known.airflow_away or not stale:
        return []
    runs = newest_runs(AirflowApi(settings), feed, [facts.partition for facts, _ in stale])
    return [
        (replace(facts, run=runs[facts.partition]), standing) for facts, standing in stale if facts.partition in runs
    ]


def _with_runs(
    api: AirflowApi, database: Database, feed: Feed, landed: Landed, only: Partition | None, since: datetime | None
) -> list[Facts]:
    """The facts with the runs that matter.

    Raises:
        RunError: Airflow cannot be asked.
    """
    paused = is_paused(api, feed)
    if only:
        return gather(database, feed, landed, lambda _: newest_runs(api, feed, [only]), only=only, dag_paused=paused)
    gathered = gather(database, feed, landed, lambda _: unsuccessful_runs(api, feed, since), dag_paused=paused)
    unclear = {
        facts.partition
        for facts in gathered
        if _is_unclear(facts) and (since is None or facts.partition.start >= since)
    }
    newest = newest_runs(api, feed, unclear)
    return [
        replace(facts, run=newest.get(facts.partition)) if facts.partition in unclear else facts for facts in gathered
    ]


def _is_unclear(facts: Facts) -> bool:
    """True if a run that succeeded may be newer than the run that is known."""
    run, read = facts.run, facts.read
    if run and run.active:
        return False
    return failed_at(facts) is not None or bool(run and read and run.run_id != read.run_id)
