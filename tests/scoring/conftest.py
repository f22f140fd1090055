"""Models scored by PostgreSQL and by Spark SQL, and what their numbers are held against."""

import math
import struct
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import psycopg
import pytest
from psycopg import sql

from landfall.compute.local.warm import SMALL
from landfall.deployments.names import quoted
from landfall.deployments.scoring import Scoring, compile_scoring, place_in_row
from landfall.deployments.trigger import make_function
from landfall.deployments.version import PREDICTION, REASON, Registered
from landfall.scoring.dialect import PostgreSQL, SparkSQL
from landfall.scoring.form import Ensemble, Model
from landfall.scoring.plpgsql import can_be_walked, row_logic
from landfall.scoring.scalars import InputColumn
from landfall.scoring.sql import compile_model
from landfall.scoring.trees import Split, splits

if TYPE_CHECKING:
    from pyspark.sql import DataFrame, SparkSession

Cells = dict[str, Any]
Scored = list[tuple[Any, ...]]
ODD = (math.nan, math.inf, -math.inf, 1e308, -1e308, 3.5e38, -3.5e38, 5e-324, -5e-324, 1e-310, 0.0, -0.0, 1e17, 1e-40)
"""Numbers that a sum, a cast or a comparison may go wrong on."""


class Database:
    """PostgreSQL, where a model scores rows in one statement."""

    def __init__(self, conn: "psycopg.Connection[tuple[Any, ...]]") -> None:
        self.conn = conn

    def score(self, model: Model, rows: Sequence[Cells]) -> Scored:
        """(prediction, reason, probability of each class) of each row, in their order."""
        compiled = compile_model(model, PostgreSQL())
        self._fill(compiled.inputs, rows)
        query = compiled.query('"seen rows"', ["row id"], [f"p{n}" for n in range(len(compiled.labels))])
        return [row[1:] for row in self._ask(f'{query} ORDER BY "row id"')]

    def score_by_trigger(self, model: Model, rows: Sequence[Cells]) -> Scored:
        """As `score`, by the trigger of a deployment; where trees can be arrays too, both ways must give the same."""
        scoring = compile_scoring(Registered(model="m", version="1", form=model), (), "null")
        scored, *others = (
            self._by_trigger(model, replace(scoring, logic=row_logic(model, place_in_row, walked=walked)), rows)
            for walked in ([False, True] if can_be_walked(model) else [None])
        )
        assert all(list(map(repr, scored)) == list(map(repr, other)) for other in others)
        return scored

    def _by_trigger(self, model: Model, scoring: Scoring, rows: Sequence[Cells]) -> Scored:
        """What the trigger gives to rows that are inserted; nothing is left of it."""
        statements = [
            "CREATE SCHEMA IF NOT EXISTS landfall_models",
            *make_function("score_0", scoring.trigger_body(scoring.outputs)),
            "CREATE TRIGGER scores BEFORE INSERT ON scored FOR EACH ROW EXECUTE FUNCTION landfall_models.score_0()",
            'INSERT INTO scored SELECT * FROM "seen rows"',
        ]
        columns = ", ".join(quoted(name) for name in (PREDICTION, REASON, *scoring.probabilities))
        self._fill(model.inputs, rows)
        with self.conn.transaction(force_rollback=True):
            self.conn.execute('CREATE TEMP TABLE scored (LIKE "seen rows")')
            for name, kind in scoring.outputs.items():
                self.conn.execute(f"ALTER TABLE scored ADD COLUMN {quoted(name)} {kind}".encode())
            for statement in statements:
                self.conn.execute(statement.encode())
            return self._ask(f'SELECT {columns} FROM scored ORDER BY "row id"')

    def _ask(self, query: str) -> Scored:
        with self.conn.cursor(binary=True) as cursor:
            return list(cursor.execute(query.encode(), prepare=False))

    def _fill(self, inputs: Iterable[InputColumn], rows: Sequence[Cells]) -> None:
        columns = list(inputs)
        kinds = ["text" if column.kind == "text" else "float8" for column in columns]
        names = [sql.Identifier(column.name) for column in columns]
        defined = [sql.SQL("{} {}").format(name, sql.SQL(kind)) for name, kind in zip(names, kinds, strict=True)]
        self.conn.execute('DROP TABLE IF EXISTS "seen rows"')
        table = sql.SQL('CREATE TEMP TABLE "seen rows" ("row id" int4, {})').format(sql.SQL(", ").join(defined))
        self.conn.execute(table)
        copy = sql.SQL('COPY "seen rows" ("row id", {}) FROM STDIN (FORMAT binary)').format(sql.SQL(", ").join(names))
        with self.conn.cursor() as cursor, cursor.copy(copy) as stream:
            stream.set_types(["int4", *kinds])
            for number, row in enumerate(rows):
                stream.write_row([number, *(row[column.name] for column in columns)])


@pytest.fixture(scope="session")
def database(database_url: str) -> Iterator[Database]:
    """A database that scores, as one with a model of many nodes is set up: without JIT."""
    with psycopg.connect(database_url, autocommit=True, options="-c jit=off") as conn:
        yield Database(conn)


class Exactness:
    """What tests of this folder share: pytest's importlib mode shares fixtures, not modules."""

    odd = ODD

    @staticmethod
    def bits(values: Iterable[float]) -> list[str]:
        """Each number as its bits; NaN is NaN."""
        return ["nan" if value != value else struct.pack(">d", value).hex() for value in values]

    @staticmethod
    def around(values: Iterable[float]) -> list[float]:
        """Each value and its neighbours on both sides."""
        return [
            near
            for value in values
            for near in (math.nextafter(value, -math.inf), value, math.nextafter(value, math.inf))
        ]

    @staticmethod
    def thresholds(model: Model) -> list[tuple[int, float]]:
        """(feature, threshold) of every split of a model of trees."""
        assert isinstance(model.scorer, Ensemble)
        nodes = [node for tree in model.scorer.trees for node in splits(tree.root)]
        return [(node.feature, node.threshold) for node in nodes if isinstance(node, Split)]

    @staticmethod
    def close(actual: Sequence[float], expected: Sequence[float], bound: float) -> None:
        """Equal within `bound`, relative to 1 or the number itself, whichever is larger."""
        for one, other in zip(actual, expected, strict=True):
            assert one == other or abs(one - other) <= bound * max(1.0, abs(other)), (one, other)


@pytest.fixture(scope="session")
def exactness() -> type[Exactness]:
    return Exactness


class SparkRows:
    """A session of Spark Connect, where a model scores rows in one statement."""

    def __init__(self, session: "SparkSession") -> None:
        self.session = session

    def score(self, model: Model, rows: Sequence[Cells]) -> Scored:
        """As `Database.score`."""
        compiled = compile_model(model, SparkSQL())
        self.frame(rows, {column.name: column.kind for column in compiled.inputs}).createOrReplaceTempView("seen_rows")
        query = compiled.query("seen_rows", ["row id"], [f"p{n}" for n in range(len(compiled.labels))])
        return [tuple(row)[1:] for row in self.session.sql(query).orderBy("row id").collect()]

    def frame(self, rows: Sequence[Cells], kinds: dict[str, str]) -> "DataFrame":
        """The rows with their numbers as `row id`; a null number stays null."""
        types = {name: "string" if kind == "text" else "double" for name, kind in kinds.items()}
        schema = ", ".join(["`row id` int", *(f"{SparkSQL().identifier(name)} {kind}" for name, kind in types.items())])
        made = [(number, *(row[name] for name in types)) for number, row in enumerate(rows)]
        return self.session.createDataFrame(made, schema)


@pytest.fixture(scope="module")
def spark_rows(stack: Any) -> Iterator[SparkRows]:
    """A session of the module's own on the warm server."""
    from pyspark.sql import SparkSession

    session = SparkSession.builder.remote(stack.settings.spark_remote).create()
    for name, value in SMALL.items():
        session.conf.set(name, value)
    yield SparkRows(session)
    session.stop()
