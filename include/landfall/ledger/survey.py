"""The standing of every partition of a feed, for the command line. It only reads, and works also while Airflow is away."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime

from landfall.database import connect as connect_database
from landfall.errors import RunError
from landfall.landing.landed import iterate_landing
from landfall.ledger.airflow_runs import all_runs, is_paused, newest_run
from landfall.ledger.current import current_of
from landfall.ledger.facts import Facts, Seen
from landfall.ledger.gather import gather
from landfall.ledger.landed import Landed, sort_objects
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
        since: Of earlier partitions, only runs that are active are asked for.

    Raises:
        LandingError: S3 cannot be asked. PublishingError: the database cannot be asked.
    """
    store, bucket, current = connect(settings.s3), settings.s3.bucket, current_of(settings, pipeline, feed)
    landed = sort_objects(feed.landing, iterate_landing(store, bucket, feed.landing, only), current.now)
    runs, paused, away = _runs(settings, feed, only, since)
    if only and only in runs and runs[only].state == "queued" and runs[only].backfill is not None:
        # It may be queued behind runs of other partitions.
        whole = survey(settings, pipeline, feed, since=since)
        return replace(whole, partitions=[pair for pair in whole.partitions if pair[0].partition == only])
    with connect_database(settings) as database:
        known_runs = None if away else lambda _: runs
        gathered = gather(database, feed, landed, known_runs, only=only, dag_paused=paused)
    standings = [(facts, judged(facts, current)) for facts in gathered]
    return Survey(feed=feed, partitions=standings, landed=landed, airflow_away=away)


def _runs(
    settings: Settings, feed: Feed, only: Partition | None, since: datetime | None
) -> tuple[Mapping[Partition, Seen], bool, str]:
    """The feed's runs, whether its DAG is paused, and why neither is known; the last is empty if both are."""
    try:
        api = AirflowApi(settings)
        paused = is_paused(api, feed)
        if only is None:
            return all_runs(api, feed, since), paused, ""
        run = newest_run(api, feed, only)
        return ({only: run} if run else {}), paused, ""
    except RunError as error:
        return {}, False, error.what
