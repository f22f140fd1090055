"""One batch of a stream: messages of a range of offsets become rows that are judged and scored, in one query.

A message that cannot be scored keeps its place: it has a `reason` and no prediction. So every offset of the range is in the
result exactly once, whatever somebody sent.
"""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from pyspark.sql import DataFrame, SparkSession
from pyspark.sql import functions as F
from pyspark.sql.types import DataType, DoubleType, MapType, StringType, StructType

from landfall.spec.contract import Contract
from landfall.spec.file_format import JsonLines
from spark_jobs.columns import broken, typed
from spark_jobs.formats.json_lines import at, nested
from spark_jobs.formats.reader import whole

Ranges = Mapping[int, tuple[int, int]]
"""Partition of the topic -> the first offset of the batch, and the first after it."""

PARTITION, OFFSET, ARRIVED, TIME, REASON, TEXT = (
    "_partition", "_offset", "_arrived", "_time", "_reason", "_text",
)  # fmt: skip
PREDICTION, PROBABILITY = "prediction", "_probability"
SUM = "_sum_"
"""How the names of the columns begin that windows sum up."""
SHOWN = 2000
"""How many characters of a message are kept that cannot be scored."""
_CORRUPT, _VALUE = "_corrupt", "_value"


@dataclass(frozen=True, kw_only=True)
class Rows:
    """How messages become rows.

    Args:
        contract: What the rows promise.
        format: Where a message has its values.
        vectors: The columns that are sparse vectors.
        time: The column with the row's own time.
        ahead: How many seconds after its arrival a row's time may be.
    """

    contract: Contract
    format: JsonLines
    vectors: Sequence[str]
    time: str
    ahead: float


def messages(spark: SparkSession, topic: str, ranges: Ranges, options: Mapping[str, str]) -> DataFrame:
    """The messages of a range of offsets, as Spark's Kafka source gives them.

    Args:
        spark: The session.
        topic: The topic.
        ranges: The range in each partition. A partition without messages may be left out.
        options: How to reach the broker.
    """
    ends = [json.dumps({topic: {str(at): limits[side] for at, limits in ranges.items()}}) for side in (0, 1)]
    reader = spark.read.format("kafka").options(**dict(options))
    assigned = json.dumps({topic: sorted(ranges)})
    return reader.option("assign", assigned).option("startingOffsets", ends[0]).option("endingOffsets", ends[1]).load()


def judged(sent: DataFrame, rows: Rows) -> DataFrame:
    """The rows with typed columns, `_time`, and `_reason`: why the contract refuses the row, null if it does not."""
    limit, contract = rows.contract.max_line_bytes, rows.contract
    too_large = F.length("value") > limit
    text = F.when(~too_large, F.col("value").cast("string"))
    read = sent.select(
        F.col("partition").alias(PARTITION),
        F.col("offset").alias(OFFSET),
        F.col("timestamp").alias(ARRIVED),
        F.when(F.coalesce(F.length("value"), F.lit(0)) == 0, F.lit("the message is empty"))
        .when(too_large, F.concat(F.lit(f"the message is over {limit} bytes ("), F.length("value"), F.lit(")")))
        .when(~F.is_valid_utf8(F.coalesce(text, F.lit(""))), F.lit("the message is not UTF-8"))
        .alias(REASON),
        # A message of 10 MB is not carried along to be shown.
        F.make_valid_utf8(F.substring("value", 1, SHOWN).cast("string")).alias(TEXT),
        F.from_json(text, _schema(rows), {"mode": "PERMISSIVE", "columnNameOfCorruptRecord": _CORRUPT}).alias(_VALUE),
    )
    value = F.col(_VALUE)
    columns = [
        F.coalesce(*[at(path, value) for path in _paths(rows, name)]).alias(name)
        for name in (*contract.names, *rows.vectors)
    ]
    texts = read.select(PARTITION, OFFSET, ARRIVED, REASON, TEXT, value.getField(_CORRUPT).alias(_CORRUPT), *columns)
    moment = typed(contract.column(rows.time))
    ahead = F.unix_micros(moment) - F.unix_micros(ARRIVED) > int(rows.ahead * 1e6)
    reasons = [
        F.col(REASON),
        F.when(F.col(_CORRUPT).isNotNull(), F.lit("the message is not a JSON object of the declared form")),
        *(broken(column) for column in contract.columns),
        F.when(ahead, F.concat(F.lit(f"{rows.time} lies after the message's arrival ("), F.col(rows.time), F.lit(")"))),
    ]
    return texts.select(
        PARTITION, OFFSET, ARRIVED, TEXT, F.coalesce(*reasons).alias(REASON), moment.alias(TIME),
        *(typed(column).alias(column.name) for column in contract.columns), *map(whole, rows.vectors),
    )  # fmt: skip


def scored(rows: DataFrame, selects: Sequence[Sequence[str]], probabilities: Sequence[str]) -> DataFrame:
    """The rows with `prediction`, `_probability` (of that class), and in `_reason` also why the model refuses a row.

    Args:
        rows: What `judged` gave.
        selects: The model: lists of expressions, each to be selected from what the one before gave. The last keeps the rows'
            columns, and adds `prediction`, `reason` and the probabilities.
        probabilities: The columns with the probability of each class.
    """
    predicted = rows
    for (
        expressions
    ) in selects:  # not one statement: Spark Connect would send it to the server to be parsed, at every batch
        predicted = predicted.selectExpr(*expressions)
    good = F.col(REASON).isNull() & F.col("reason").isNull()
    most = F.greatest(*probabilities) if len(probabilities) > 1 else F.lit(None).cast("double")
    return predicted.withColumns(
        {
            PREDICTION: F.when(good, F.col(PREDICTION)),
            PROBABILITY: F.when(good, most),
            REASON: F.coalesce(REASON, "reason"),
        }
    ).drop("reason", *probabilities)


def with_sums(rows: DataFrame, sums: Mapping[str, str]) -> DataFrame:
    """The rows with what windows sum up: the value of each expression as a double; 0 where it is null or the row is bad."""
    good = F.col(REASON).isNull()
    columns = {
        f"{SUM}{name}": F.when(good, F.coalesce(F.expr(expression).cast("double"), F.lit(0.0))).otherwise(F.lit(0.0))
        for name, expression in sums.items()
    }
    return rows.withColumns(columns) if columns else rows


def result(rows: DataFrame, keep: Sequence[str], sums: Sequence[str]) -> DataFrame:
    """What a batch writes: each offset's place, times, prediction, sums and the columns `keep`; of a bad row its text too."""
    text = F.when(F.col(REASON).isNotNull(), F.col(TEXT)).alias(TEXT)
    places = [PARTITION, OFFSET, F.unix_micros(ARRIVED).alias(ARRIVED), F.unix_micros(TIME).alias(TIME), REASON, text]
    kept = [whole(name) for name in keep]
    return rows.select(*places, PREDICTION, PROBABILITY, *kept, *(f"{SUM}{name}" for name in sums))


def _schema(rows: Rows) -> StructType:
    vector = MapType(StringType(), DoubleType())
    kinds: dict[tuple[str, ...], DataType] = {
        path: vector if name in rows.vectors else StringType()
        for name in (*rows.contract.names, *rows.vectors)
        for path in _paths(rows, name)
    }
    return nested(kinds).add(_CORRUPT, StringType())


def _paths(rows: Rows, name: str) -> list[tuple[str, ...]]:
    older = "" if name in rows.vectors else rows.contract.column(name).renamed_from
    return [rows.format.path(name), *([rows.format.path(older)] if older else [])]
