"""A stream beside its peers: rows a second from Kafka to commit, and how old a row is when it is committed.

    python benchmarks/streaming.py [--rows 40000] [--runs 3] [--seconds 30]

Needs a stack that is up with a broker (`landfall up --with kafka`) and a model (`landfall train libsvm`). Every peer reads the
same messages of the same topic, on the same Spark, as the same judged rows; they take turns. `constant` has a constant in the
model's place, `pandas UDF` the model as a Python function over batches of Arrow, `Spark ML` the pipeline's own `transform`.
Latency is from the time in the message, set just before it was sent, to the commit of its batch.
"""

import argparse
import statistics
import sys
import time
import uuid
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import UTC, datetime
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING, Any

sys.path.insert(0, str(Path(__file__).parent))
from psycopg import sql
from report import quantile, spread, write

from landfall.database import connect, fetch
from landfall.models.registry import find_version
from landfall.pipelines.libsvm import LIBSVM_STREAM, PIXELS
from landfall.publishing.schema import qualified
from landfall.spec import KafkaTopic, Settings, Stream
from landfall.stack import settings as stack_settings
from landfall.streams.batch import Batch, commit
from landfall.streams.driver import Driver, opened
from landfall.streams.send import Faults, messages, send
from landfall.streams.topics import broker_of, producer, send_all

if TYPE_CHECKING:
    from pyspark.sql import DataFrame


def new_stream(settings: Settings, **changes: Any) -> Stream:
    """A stream like `libsvm_stream` with a topic and tables of its own."""
    name = f"bench{uuid.uuid4().hex[:8]}"
    return replace(LIBSVM_STREAM, name=name, table=name, source=KafkaTopic(name=name), **changes)


@contextmanager
def filled(settings: Settings, stream: Stream, rows: int) -> Iterator[Driver]:
    """A driver of a stream whose topic has `rows` messages; its tables are dropped afterwards."""
    with opened(settings, stream) as driver:
        broker = broker_of(settings)
        sent = islice(messages(stream, Faults()), rows)
        send_all(producer(broker), stream.source, ((str(n), text) for n, text in enumerate(sent)), broker)
        try:
            yield driver
        finally:
            for table in (stream.predictions_table, stream.windows_table, stream.late_table, stream.dead_letters_table):
                driver.conn.execute(f"DROP TABLE IF EXISTS {table}".encode())


def judged_rows(driver: Driver) -> "tuple[DataFrame, dict[int, tuple[int, int]]]":
    """The judged rows of all messages, and their ranges."""
    from spark_jobs.streaming.rows import judged
    from spark_jobs.streaming.rows import messages as read

    session, ranges = driver.session, driver.topic.ends()
    sent = read(session._session, driver.stream.source.name, ranges, session._kafka)
    return judged(sent, session._rows()), ranges


def by_expression(driver: Driver, rows: "DataFrame") -> "DataFrame":
    from spark_jobs.streaming.rows import scored

    scorer = driver.scorers.current(driver.conn)
    return scored(rows, scorer.selects, scorer.probabilities)


def by_constant(driver: Driver, rows: "DataFrame") -> "DataFrame":
    from pyspark.sql import functions as F

    return rows.withColumns({"prediction": F.lit(1.0), "_probability": F.lit(0.5)})


def by_pandas(driver: Driver, rows: "DataFrame") -> "DataFrame":
    """The same sum in Python: the usual way to bring a model into a stream."""
    import pandas as pd
    from pyspark.sql import functions as F

    coefficients, intercept = _coefficients(driver)

    @F.pandas_udf("double")
    def score(pixels: pd.Series) -> pd.Series:
        def margin(values: Any) -> float:
            pairs = dict(values).items()
            return sum(coefficients[int(at)] * value for at, value in pairs) + intercept

        return pixels.map(margin)

    margin = score("pixels")
    return rows.withColumns({"prediction": (margin > 0).cast("double"), "_probability": 1 / (1 + F.exp(-margin))})


def by_spark_ml(driver: Driver, rows: "DataFrame") -> "DataFrame":
    """The registered pipeline itself. It needs a dense vector, which Spark SQL makes of the map."""
    from pyspark.ml import PipelineModel
    from pyspark.ml.functions import array_to_vector, vector_to_array
    from pyspark.sql import functions as F

    number = driver.scorers.current(driver.conn).version
    version = find_version(driver.scorers.settings, driver.stream.model, number)
    assert version is not None
    model = PipelineModel.load(f"{version.source}/fitted".replace("s3://", "s3a://", 1))
    at = F.sequence(F.lit(0), F.lit(PIXELS - 1))
    dense = F.transform(at, lambda n: F.coalesce(F.try_element_at("pixels", n.cast("string")), F.lit(0.0)))
    scored = model.transform(rows.withColumn("pixels", array_to_vector(dense)))
    return scored.withColumn("_probability", F.array_max(vector_to_array("probability"))).drop("probability")


def _coefficients(driver: Driver) -> tuple[list[float], float]:
    from landfall.deployments.registered import find_registered
    from landfall.scoring.form import Linear

    scorer = find_registered(driver.scorers.settings, driver.stream.model).form.scorer
    assert isinstance(scorer, Linear)
    return list(scorer.coefficients[0]), scorer.intercepts[0]


PEERS: dict[str, Callable[[Driver, "DataFrame"], "DataFrame"]] = {
    "SQL expression": by_expression,
    "constant": by_constant,
    "pandas UDF": by_pandas,
    "Spark ML": by_spark_ml,
}


def throughput(settings: Settings, rows: int, runs: int, *, predictions: bool) -> dict[str, list[float]]:
    """Peer -> rows a second of each run, from Kafka to a commit of windows, and of predictions if wanted."""
    from landfall.spec.stream_tables import kept
    from landfall.streams import state
    from spark_jobs.streaming.rows import result, with_sums

    stream = new_stream(settings, predictions=predictions)
    rates: dict[str, list[float]] = {name: [] for name in PEERS}
    with filled(settings, stream, rows) as driver:
        for run in range(runs + 1):
            for name, score in PEERS.items():
                driver.conn.execute("DELETE FROM landfall.stream_places WHERE stream = %s", [stream.name])
                for table in (stream.windows_table, *([stream.predictions_table] if predictions else [])):
                    driver.conn.execute(f"TRUNCATE {table}".encode())
                began = time.monotonic()
                judged, ranges = judged_rows(driver)
                sums = stream.window.sums
                table = result(with_sums(score(driver, judged), sums), kept(stream), list(sums)).toArrow()
                batch = Batch(table=table, ranges=ranges, places={}, lost=0, model_version="1", began=datetime.now(UTC))
                done = commit(driver.conn, stream, driver.epoch, batch)
                rate = rows / (time.monotonic() - began)
                assert done.rows == rows
                print(
                    f"{'predictions and windows' if predictions else 'windows'}, run {run}, {name}: {rate:,.0f} rows/s"
                )
                if run:  # the first warms up
                    rates[name].append(rate)
        assert state.state_of(driver.conn, stream.name).epoch == driver.epoch
    return rates


AGES = sql.SQL("""
SELECT extract(epoch FROM b.committed_at - p.event_time)::float8 FROM {} p
JOIN landfall.stream_batches b ON b.stream = %s AND (b.ranges -> p.partition::text ->> 0)::bigint <= p."offset"
     AND p."offset" < (b.ranges -> p.partition::text ->> 1)::bigint WHERE p.scored_at > %s""")
TOOK = sql.SQL("SELECT seconds FROM landfall.stream_batches WHERE stream = %s AND rows > 0")


def latency(settings: Settings, rate: float, seconds: float) -> tuple[list[float], float]:
    """Row -> seconds from its time to the commit of its batch; and the seconds that a batch took: the median."""
    import threading

    stream = new_stream(settings)
    with filled(settings, stream, 100) as driver:
        for _ in range(3):
            driver.step()
        sender = threading.Thread(
            target=send,
            args=(settings, stream),
            kwargs={"rows_per_second": rate, "faults": Faults(), "rows": int(rate * seconds), "watch": lambda _: None},
        )
        newest = sql.SQL("SELECT max(scored_at) FROM {}").format(qualified(stream.predictions_table))
        [(first,)] = fetch(driver.conn, newest)
        sender.start()
        until = time.monotonic() + seconds + 60
        while time.monotonic() < until:
            if driver.step() is None:
                if not sender.is_alive():
                    break
                time.sleep(0.02)
        query = AGES.format(qualified(stream.predictions_table))
        delays = [float(str(row[0])) for row in fetch(driver.conn, query, [stream.name, first])]
        took = fetch(driver.conn, TOOK, [stream.name])
    return delays, statistics.median(float(str(row[0])) for row in took)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rows", type=int, default=40_000)
    parser.add_argument("--runs", type=int, default=3)
    parser.add_argument("--seconds", type=float, default=30)
    options = parser.parse_args()
    settings = stack_settings()
    with connect(settings) as conn:
        conn.execute("SELECT 1")
    lines = ["| rows a second, median (range) | predictions and windows | windows alone |", "|---|---|---|"]
    both = [throughput(settings, options.rows, options.runs, predictions=kept) for kept in (True, False)]
    for name in PEERS:
        lines.append(f"| {name} | {spread(both[0][name])} | {spread(both[1][name])} |")
    ratios = {name: statistics.median(both[1]["SQL expression"]) / statistics.median(both[1][name]) for name in PEERS}
    lines += ["", f"Windows alone: the expression is {ratios['pandas UDF']:.1f} times as fast as the pandas UDF,"]
    lines += [
        f"{ratios['Spark ML']:.1f} times as fast as Spark ML, and {1 / ratios['constant']:.2f} times as slow as a constant."
    ]
    lines += ["", "| rows a second sent | age at commit: median, s | p99, s | a batch takes, s |", "|---|---|---|---|"]
    for rate in (100.0, 5000.0):
        delays, batch = latency(settings, rate, options.seconds)
        lines.append(f"| {rate:,.0f} | {statistics.median(delays):.2f} | {quantile(delays, 0.99):.2f} | {batch:.2f} |")
        print(lines[-1])
    lines += ["", "Aims: 15 times the pandas UDF, 1.3 times a constant; p50 under 0.8 s, p99 under 2 s."]
    write("streaming", "A stream: throughput and latency, beside its peers", lines)


if __name__ == "__main__":
    main()
