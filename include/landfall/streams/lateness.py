"""Which rows are late: decided by the order of the topic alone, so that reading it again gives the same answer.

A row is late if its time is `lateness` or more before the newest time of the rows before it in its partition. The batches in
which rows happen to be read play no part in it.
"""

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import numpy as np
    import pyarrow as pa

Newest = Mapping[int, datetime]
"""Partition -> the newest time of a row so far."""
NEVER = -(2**63)
"""A time before all others, in microseconds."""


def late_rows(
    rows: "pa.Table", lateness: timedelta, before: Mapping[int, datetime | None]
) -> "tuple[np.ndarray, dict[int, datetime], np.ndarray]":
    """Which rows are late.

    Args:
        rows: Good rows, ordered by `_partition` and `_offset`, with `_time` in microseconds since 1970.
        lateness: How far behind a row may be.
        before: Partition -> the newest time before these rows; None or absent if there was no row.

    Returns:
        A boolean for each row; the newest time of each partition that has rows here; and for each row the newest time before it,
        in microseconds (`NEVER` if there was none).
    """
    import numpy as np

    times = rows.column("_time").to_numpy().astype("int64")
    partitions = rows.column("_partition").to_numpy()
    seen, newest = np.full(len(times), NEVER, "int64"), {}
    for partition in np.unique(partitions):
        at = np.flatnonzero(partitions == partition)
        first = before.get(int(partition))
        start = _micros(first) if first else NEVER
        running = np.maximum.accumulate(np.concatenate(([start], times[at])))
        seen[at] = running[:-1]
        newest[int(partition)] = datetime.fromtimestamp(0, UTC) + timedelta(microseconds=int(running[-1]))
    width = int(lateness.total_seconds() * 1e6)
    return (seen != NEVER) & (times <= np.where(seen == NEVER, 0, seen) - width), newest, seen


def _micros(moment: datetime) -> int:
    return (moment - datetime.fromtimestamp(0, UTC)) // timedelta(microseconds=1)
