"""Days that a training collects: it makes the features of many in one job, as a run of each would have.

Of a day for which nothing was predicted its run would have had nothing else to do. The ledger is told that it was read, and
the audit does not start it. Every other day is left to its run: one that was predicted, one that the contract refused, one
whose run is reading it, and all of them if the job fails.
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
    """Note the days that nobody has read and for which nothing was predicted as read by `run_id`; how many those are.

    Args:
        predictions: The table that predictions of those days would be in.
        objects: Day -> key -> ETag: what was there when the job began.
        made: Rows and quarantined rows of each day that the job read.
        refused: The days whose features were not made: their runs will say why.
    """
    left_alone = {*newest_readings(conn, feed), *published_partitions(conn, predictions)}
    noted = 0
    for name, found in objects.items():
        day = Partition.parse(name)
        if name not in made or name in refused or day in left_alone:
            continue
        rows, quarantined = made[name]
        with conn.transaction():
            reading = open_reading(conn, feed, day, run_id)
            close_reading(conn, reading, found)
            judge_reading(conn, reading, rows=rows, quarantined=quarantined)
            excuse_reading(conn, reading, NOTHING)
        noted += 1
    return noted
