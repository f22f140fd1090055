"""`deploy_db`: a deployment from Python, its words, and the job that it is."""

import threading
import uuid
from collections.abc import Iterator
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

import pandas as pd
import pytest
from sklearn.tree import DecisionTreeClassifier

from landfall.deployments import After, TableName, deployments
from landfall.deployments.frames import columns_of
from landfall.deployments.job import DeploymentJob, deploy_db
from landfall.deployments.request import after_of, key_of
from landfall.errors import DeploymentError, ModelError
from landfall.models.log_model import log_model
from landfall.models.registry import ModelVersion, registry
from landfall.spec import Settings

ROWS = pd.DataFrame({"size": [1.0, 2.0, 3.0, 4.0], "kind": [0, 0, 1, 1]})


@pytest.fixture(scope="module")
def logged(local_settings: Settings) -> Iterator[ModelVersion]:
    """A tree that tells two sizes apart, registered."""
    name = f"test_{uuid.uuid4().hex[:8]}"
    tree = DecisionTreeClassifier(max_depth=1).fit(ROWS[["size"]], ROWS.kind)
    yield log_model(local_settings, name, tree, ROWS, label="kind", classes=["small", "large"])
    with registry(local_settings) as client:
        client.delete_registered_model(name)


def columns(corner: Any, name: str = "t") -> dict[str, str]:
    """Column -> type of a table, in their order."""
    return dict(
        corner.run(
            "SELECT a.attname, format_type(a.atttypid, a.atttypmod) FROM pg_attribute a WHERE a.attrelid = %s::regclass "
            "AND a.attnum > 0 AND NOT a.attisdropped ORDER BY a.attnum",
            f"{corner.schema}.{name}",
        )
    )


# --- on a real server -------------------------------------------------------------------------------------------------


def test_a_table_is_made_with_the_columns_of_a_data_frame_and_scores_what_is_inserted(
    corner: Any, local_settings: Settings, logged: ModelVersion
) -> None:
    flowers = pd.DataFrame(
        {
            "size": pd.Series([1.5], dtype="float32"),
            "petals": [5],
            "colour": ["red"],
            "wild": [True],
            "seen": [pd.Timestamp("2012-12-25 12:00", tz="Europe/Berlin")],
        }
    )

    job = deploy_db(
        corner.schema,
        "t",
        logged.run_id,
        create_model_table=True,
        df=flowers,
        primary_key="id",
        settings=local_settings,
    )
    told: list[str] = []
    done = job.watch(told.append)

    assert columns(corner) == {
        "id": "bigint",
        "size": "real",
        "petals": "bigint",
        "colour": "text",
        "wild": "boolean",
        "seen": "timestamp with time zone",
        "prediction": "text",
        "probability_small": "double precision",
        "probability_large": "double precision",
        "prediction_reason": "text",
        "model_version": "text",
    }
    asked = "INSERT INTO t (id, size) VALUES (1, 1), (2, 4) RETURNING prediction, probability_small, model_version"
    assert corner.run(asked) == [("small", 1.0, "1"), ("large", 0.0, "1")]

    assert told[:2] == [
        f"-- read `{logged.name}` version 1, of run {logged.run_id}, from the registry",
        f"-- `{logged.name}` version 1, a tree with a split: a row is scored by CASE and IF",
    ]
    assert told[-1] == f"-- `{corner.schema}.t` is scored by `{logged.name}` version 1"
    begins = [
        f'CREATE TABLE "{corner.schema}"."t" (\n    "id" bigint,\n    "size" real,\n',
        "ALTER TABLE",
        "CREATE OR ",
    ]
    assert [line.startswith(begin) for line, begin in zip(told[2:], begins, strict=False)] == [True] * 3
    assert job.log == tuple(told)

    assert (done.table, done.model, done.version, done.run_id) == (corner.table(), logged.name, "1", logged.run_id)
    assert (done.classes, done.unscorable, job.done, job.result()) == (("small", "large"), "null", True, done)
    assert job.watch(told.append) == done
    assert job.log == tuple(told)
    assert deployments(corner.conn) == [done]


def test_a_model_is_deployed_by_its_name_to_a_table_like_a_data_frame_of_spark(
    corner: Any, local_settings: Settings, logged: ModelVersion, stack: Any, capsys: pytest.CaptureFixture[str]
) -> None:
    from pyspark.sql import SparkSession

    session = SparkSession.builder.remote(stack.settings.spark_remote).create()
    try:
        schema = "size double, n int, big bigint, price decimal(7,2), day date, hour timestamp, note string, raw binary"
        now = datetime(2012, 12, 25, tzinfo=UTC)
        flowers = session.createDataFrame([(1.0, 1, 2, Decimal("1.50"), now.date(), now, "x", b"x")], schema)
        job = deploy_db(
            corner.schema,
            "t",
            create_model_table=True,
            df=flowers,
            primary_key={"day": "date", "code": "char(3)", "at": "timestamp(3) with time zone"},
            classes=["no", "yes"],
            model=logged.name,
            version="1",
            unscorable="error",
            settings=local_settings,
        )
        done = job.watch()
    finally:
        session.stop()

    assert capsys.readouterr().out.splitlines()[0].startswith(f"-- read `{logged.name}` version 1, of run ")
    assert columns(corner) == {
        "day": "date",
        "code": "character(3)",
        "at": "timestamp(3) with time zone",
        "size": "double precision",
        "n": "integer",
        "big": "bigint",
        "price": "numeric(7,2)",
        "hour": "timestamp with time zone",
        "note": "text",
        "raw": "bytea",
        "prediction": "text",
        "probability_no": "double precision",
        "probability_yes": "double precision",
        "model_version": "text",
    }
    assert (done.classes, done.unscorable) == (("no", "yes"), "error")


def test_a_chain_begins_in_python_too(corner: Any, local_settings: Settings, logged: ModelVersion) -> None:
    given: Any = {"create_model_table": True, "primary_key": ["id", "at:timestamptz"], "settings": local_settings}
    source = deploy_db(corner.schema, "t", logged.run_id, **given).result()
    corner.run("ALTER TABLE t ADD COLUMN size_again float8")

    feeds = {"size": "probability_large"}
    job = deploy_db(corner.schema, "u", logged.run_id, after=After(table=source.table, feeds=feeds), **given)
    with pytest.raises(DeploymentError) as caught:
        job.watch(lambda line: None)
    assert str(caught.value) == (
        f"No input of `{logged.name}` is the prediction of `{source.table}`.\n"
        "  looked: its inputs: size by probability_large\n"
        "  left: nothing was changed\n"
        "  next: --feed INPUT=prediction"
    )
    assert columns(corner)["at"] == "timestamp with time zone"
    assert deployments(corner.conn) == [source]


def test_what_fails_is_raised_by_watch_and_result_and_the_log_says_how_far_it_came(
    corner: Any, local_settings: Settings, logged: ModelVersion
) -> None:
    corner.run("CREATE TABLE t (id int PRIMARY KEY, sise float8)")

    job = deploy_db(corner.schema, "t", logged.run_id, settings=local_settings)
    told: list[str] = []
    errors = []
    for ask in (lambda: job.watch(told.append), job.result, lambda: job.watch(told.append)):
        with pytest.raises(DeploymentError) as caught:
            ask()
        errors.append(caught.value)

    assert str(errors[0]) == (
        f"`{corner.schema}.t` has no column `size`, which `{logged.name}` needs. Did you mean `sise`?\n"
        "  looked: its columns: id, sise\n"
        "  left: nothing was changed\n"
        f'  next: ALTER TABLE {corner.schema}.t ADD COLUMN "size" ...'
    )
    assert errors[1] is errors[2] is errors[0]
    assert told == list(job.log)
    assert len(told) == 2
    assert deployments(corner.conn) == []


def test_a_table_is_not_made_without_a_key(corner: Any, local_settings: Settings, logged: ModelVersion) -> None:
    with pytest.raises(DeploymentError) as caught:
        deploy_db(corner.schema, "t", logged.run_id, create_model_table=True, df=ROWS, settings=local_settings)
    assert str(caught.value) == (
        "A table that is to be made needs a primary key.\n"
        "  looked: expected at least one column, such as id\n"
        "  left: nothing was changed\n"
        "  next: landfall deploy MODEL --table TABLE --create-table --primary-key id"
    )


def test_a_run_that_made_no_version_is_refused_with_what_registers_one(local_settings: Settings) -> None:
    with registry(local_settings) as client:
        run_id = client.create_run("0").info.run_id

    with pytest.raises(ModelError) as caught:
        deploy_db("public", "t", run_id, settings=local_settings)

    assert str(caught.value) == (
        f"No version of a registered model was made by the run `{run_id}`.\n"
        "  looked: the model registry\n"
        "  left: nothing was deployed\n"
        f"  next: mlflow.register_model('runs:/{run_id}/model', NAME)    (then deploy NAME)"
    )


# --- the job ----------------------------------------------------------------------------------------------------------


def test_watching_tells_each_line_as_it_comes() -> None:
    seen: list[str] = []
    second = threading.Event()

    def work(say: Any) -> Any:
        say("one")
        assert second.wait(10)
        say("two")
        raise DeploymentError("No more.")

    def write(line: str) -> None:
        seen.append(line)
        second.set()

    job = DeploymentJob(work)
    with pytest.raises(DeploymentError, match=r"No more\."):
        job.watch(write)

    assert seen == ["one", "two"]
    assert job.log == ("one", "two")
    assert job.done


def test_a_deployment_of_nothing_is_refused() -> None:
    with pytest.raises(DeploymentError) as caught:
        deploy_db("public", "t")
    assert str(caught.value) == (
        "Nothing says what to deploy.\n  looked: expected run_id or model\n  left: nothing was changed"
    )


# --- words ------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("told", "key"),
    [
        (None, {}),
        ("id", {"id": "bigint"}),
        (" id : uuid ", {"id": "uuid"}),
        (["id", "day:date"], {"id": "bigint", "day": "date"}),
        (("at:timestamp with time zone",), {"at": "timestamp with time zone"}),
        ({"id": "uuid"}, {"id": "uuid"}),
    ],
)
def test_a_key_is_told_in_several_ways(told: Any, key: dict[str, str]) -> None:
    assert key_of(told) == key


def test_a_source_is_told_by_its_table_and_what_feeds_what() -> None:
    assert after_of(None, []) is None
    assert after_of("", []) is None
    assert after_of("t", []) == After(table=TableName("public", "t"))
    assert after_of("s.t", [" a = b ", "c=d=e"]) == After(table=TableName("s", "t"), feeds={"a": "b", "c": "d=e"})


@pytest.mark.parametrize("feed", ["species", "=prediction", "species=", " = "])
def test_a_feed_that_does_not_say_what_feeds_what_is_refused(feed: str) -> None:
    with pytest.raises(DeploymentError) as caught:
        after_of("t", ["a=b", feed])
    assert str(caught.value) == (
        f"`{feed}` does not say what feeds what.\n  looked: expected INPUT=COLUMN\n  left: nothing was changed"
    )


def test_a_feed_without_a_source_is_refused() -> None:
    with pytest.raises(DeploymentError) as caught:
        after_of(None, ["species=prediction"])
    assert str(caught.value) == (
        "`species=prediction` is a feed, but no table is to feed.\n"
        "  looked: expected the table of another deployment\n"
        "  left: nothing was changed\n"
        "  next: --after TABLE"
    )


def test_no_data_frame_has_no_columns() -> None:
    assert columns_of(None) == {}


def test_the_types_of_pandas_are_those_of_postgresql() -> None:
    noon = pd.Timestamp("2012-12-25 12:00")
    frame = pd.DataFrame(
        {
            "tiny": pd.Series([1], dtype="int8"),
            "byte": pd.Series([1], dtype="uint8"),
            "small": pd.Series([1], dtype="int16"),
            "plain": pd.Series([1], dtype="Int32"),
            "word": pd.Series([1], dtype="uint16"),
            "words": pd.Series([1], dtype="UInt32"),
            "long": [1],
            "missing": pd.Series([None], dtype="Int64"),
            "single": pd.Series([1], dtype="float32"),
            "double": pd.Series([1], dtype="Float64"),
            "text": ["x"],
            "string": pd.Series(["x"], dtype="string"),
            "kind": pd.Categorical(["x"]),
            "flag": [True],
            "maybe": pd.Series([None], dtype="boolean"),
            "local": [noon],
            "coarse": pd.Series([noon]).astype("datetime64[s]"),
            "utc": [noon.tz_localize("UTC")],
            "berlin": [noon.tz_localize("Europe/Berlin")],
        }
    )
    assert columns_of(frame) == {
        "tiny": "smallint",
        "byte": "smallint",
        "small": "smallint",
        "plain": "integer",
        "word": "integer",
        "words": "bigint",
        "long": "bigint",
        "missing": "bigint",
        "single": "real",
        "double": "double precision",
        "text": "text",
        "string": "text",
        "kind": "text",
        "flag": "boolean",
        "maybe": "boolean",
        "local": "timestamp without time zone",
        "coarse": "timestamp without time zone",
        "utc": "timestamp with time zone",
        "berlin": "timestamp with time zone",
    }


def test_a_type_that_no_column_has_is_refused() -> None:
    with pytest.raises(DeploymentError) as caught:
        columns_of(pd.DataFrame({"id": [1], "took": [pd.Timedelta(1)]}))
    assert str(caught.value) == (
        "The column `took` is timedelta64[ns], which no column of a table is made for.\n"
        "  looked: known: tinyint, int8, uint8, smallint, int16, int, int32, uint16, bigint, int64, uint32, float, float32, "
        "double, float64, string, object, str, category, boolean, bool, date, timestamp, timestamp_ntz, binary, datetime64, "
        "decimal\n"
        "  left: nothing was deployed\n"
        "  next: leave `took` out of the data frame, or cast it"
    )
