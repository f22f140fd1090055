"""Days that a training collects: it makes the features of many days in one job, as a run of each day would have.

A day without predictions needs no run of its own: the training has already made its features. So the ledger notes that the day
was read, and the audit does not start a run. Every other day is left to its run: a day that was predicted, a day that the
contract refused, a day that its run is reading, and all days if the job fails.
"""

from collections.abc import Collection, Mapping

from landfall.database import Database
from landfall.ledger.gather import newest_readings
from landfall.ledger.record import close_reading, excuse_reading, judge_reading, open_reading
from landfall.publishing import published_partitions
from landfall.spec import Partition, PredictionTable

NOTHING = "nothing had been published for it when a training made its features"


def note_collected(
    conn: Database,
    predictions: PredictionTable,
    feed: str,
    objects: Mapping[str, Mapping[str, str]],
    run_id: str,
    made: Mapping[str, tuple[int, int]],
    refused: Collection[str],
) -> int:
    """Notes days as read by `run_id`, if nobody has read them and nothing was predicted for them. Returns how many they are.

    Args:
        conn: The predictions database.
        predictions: The table that predictions of those days would be in.
        feed: `PIPELINE/FEED`.
        objects: Day -> key -> ETag: what was there when the job began.
        run_id: The training's run.
        made: Rows and quarantined rows of each day that the job read.
        refused: The days whose features were not made. Their own runs will say why.
    """
    left_alone = {*newest_readings(conn, feed), *published_partitions(conn, predictions)}
    noted = 0
    for name, etags in objects.items():
        day = Partition.parse(name)
        if name not in made or name in refused or day in left_alone:
            continue
        rows, quarantined = made[name]
        with conn.transaction():
            reading = open_reading(conn, feed, day, run_id)
            close_reading(conn, reading, etags)
            judge_reading(conn, reading, rows=rows, quarantined=quarantined)
            excuse_reading(conn, reading, NOTHING)
        noted += 1
    return noted
