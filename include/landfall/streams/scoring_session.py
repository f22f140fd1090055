"""The Spark session of a stream: the messages of a batch go in, an Arrow table with a row for each offset comes out."""

from collections.abc import Mapping
from typing import TYPE_CHECKING

from landfall.errors import ComputeError
from landfall.spec import Settings
from landfall.spec.stream import Stream
from landfall.spec.stream_tables import kept
from landfall.streams.scorer import Scorer

if TYPE_CHECKING:
    import pyarrow as pa
    from pyspark.sql import DataFrame, SparkSession

    from spark_jobs.streaming.rows import Ranges, Rows

PLANS = {
    # A batch is read once, from as many tasks as the topic has partitions; there is nothing to adapt and nothing to shuffle.
    "spark.sql.adaptive.enabled": "false",
    "spark.sql.shuffle.partitions": "1",
    "spark.sql.session.timeZone": "UTC",
}


class ScoringSession:
    """A session on the Spark Connect server that streams run on.

    Args:
        settings: Where the server and the broker are.
        stream: The stream.
    """

    def __init__(self, settings: Settings, stream: Stream) -> None:
        from landfall.compute.local.warm import WarmSpark

        self.stream = stream
        self._kafka = settings.kafka.spark() if settings.kafka else {}
        self._server = WarmSpark(remote=settings.spark_remote, lake=settings.lake)
        self._server.check_alive(f"stream {stream.name}")
        self._session: SparkSession = self._server.open()
        for name, value in PLANS.items():
            self._session.conf.set(name, value)

    @property
    def address(self) -> str:
        """The server, for a person."""
        return self._server.address

    def close(self) -> None:
        """Closes the session. Its work on the server is stopped."""
        self._server.close(self._session)

    @property
    def keep(self) -> tuple[str, ...]:
        """The columns of the rows that a scorer's query passes on."""
        from spark_jobs.streaming import rows as names

        own = (names.PARTITION, names.OFFSET, names.ARRIVED, names.TIME, names.REASON, names.TEXT)
        return (*own, *self.stream.contract.names)

    def score(self, ranges: "Ranges", scorer: Scorer) -> "pa.Table":
        """The batch: a row for each message in `ranges`, as `spark_jobs.streaming.rows.result` describes it.

        Raises:
            ComputeError: Spark failed. Nothing was written.
        """
        from spark_jobs.streaming.rows import messages

        sent = messages(self._session, self.stream.source.name, ranges, {**self._kafka, "failOnDataLoss": "true"})
        return self.result_of(sent, scorer)

    def result_of(self, sent: "DataFrame", scorer: Scorer) -> "pa.Table":
        """The batch of messages that are already a frame with Kafka's columns.

        Raises:
            ComputeError: Spark failed.
        """
        from pyspark.errors import PySparkException

        from spark_jobs.streaming.rows import judged, result, scored, with_sums

        try:
            rows = scored(judged(sent, self._rows()), scorer.selects, scorer.probabilities)
            sums = self.stream.window.sums
            table: pa.Table = result(with_sums(rows, sums), kept(self.stream), list(sums)).toArrow()
        except PySparkException as error:
            raise ComputeError(
                f"A batch of the stream `{self.stream.name}` failed in Spark.",
                looked=f"{self.address}: {str(error).strip().splitlines()[0][:400]}",
                left="nothing of it was written; it is tried again",
                next="landfall logs spark",
            ) from error
        return table

    def _rows(self) -> "Rows":
        from spark_jobs.streaming.rows import Rows

        stream = self.stream
        return Rows(
            contract=stream.contract,
            format=stream.format,
            vectors=tuple(stream.vectors),
            time=stream.time,
            ahead=stream.ahead.total_seconds(),
        )


def bounded(
    ends: Mapping[int, tuple[int, int]], next_offsets: Mapping[int, int], most: int
) -> dict[int, tuple[int, int]]:
    """The next batch: from the next offset of each partition, and at most `most` messages in all, shared among the partitions.

    Args:
        ends: Partition -> the first offset that the topic has, and its end.
        next_offsets: Partition -> the next offset; a partition that is not there begins at its first offset.
        most: The most messages.

    Returns:
        Partition -> first offset and the first after the last; partitions without messages are left out. Where messages are
        gone from the topic, the range begins at the first that is there.
    """
    starts = {at: max(first, min(next_offsets.get(at, first), end)) for at, (first, end) in ends.items()}
    waiting = {at: ends[at][1] - start for at, start in starts.items() if ends[at][1] > start}
    ranges: dict[int, tuple[int, int]] = {}
    for number, (at, rows) in enumerate(sorted(waiting.items(), key=lambda item: (item[1], item[0]))):
        share = min(rows, max(1, most // (len(waiting) - number))) if most > 0 else 0
        if share:
            ranges[at] = (starts[at], starts[at] + share)
        most -= share
    return ranges
