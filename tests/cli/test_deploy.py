"""`landfall deploy`, `redeploy`, `rescore`, `undeploy`, `deployments`, and `rollback` of a table, as they are typed."""

import json
import re
import uuid
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import timedelta
from subprocess import CompletedProcess
from typing import Any

import pandas as pd
import psycopg
import pytest
from psycopg import sql
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import OrdinalEncoder
from sklearn.tree import DecisionTreeClassifier, DecisionTreeRegressor
from typer.testing import CliRunner, Result

from landfall.cli.app import build
from landfall.database import address
from landfall.deployments import TableName, deployed, deployments, history
from landfall.models.log_model import log_model
from landfall.models.registry import registry
from landfall.pipelines import PIPELINES

Landfall = Callable[..., "CompletedProcess[str]"]
COMMANDS = ("deploy", "redeploy", "rescore", "undeploy", "deployments", "rollback")


def type_(*words: str) -> Result:
    """What typing `landfall WORDS` gives."""
    return CliRunner().invoke(build(), list(words))


def done(*words: str) -> str:
    """Its answer, where it is done."""
    said = type_(*words)
    assert said.exit_code == 0, said.output
    return said.stdout


def told(*words: str) -> Any:
    """Its answer as JSON."""
    return json.loads(done(*words, "--json"))


def refused(*words: str) -> str:
    """Its error, without what it has told on the way."""
    said = type_(*words)
    assert said.exit_code == 1, said.output
    return said.stderr[said.stderr.index("error: ") :]


@dataclass(frozen=True)
class Models:
    """Two versions of a model that tells `small` from `large`, and a model that takes those for a price."""

    flowers: str
    price: str


@pytest.fixture(autouse=True)
def _on_the_stack(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    """Commands are typed in this process; those that tell nothing of a stack need none."""
    if "models" in request.fixturenames:
        monkeypatch.setenv("LANDFALL_HOME", str(request.getfixturevalue("stack").home))


@pytest.fixture(scope="module")
def models(stack: Any) -> Iterator[Models]:
    mark = uuid.uuid4().hex[:8]
    one = Models(f"flowers_{mark}", f"price_{mark}")
    rows = pd.DataFrame({"size": [1.0, 2.0, 3.0, 4.0], "kind": ["small", "small", "large", "large"]})
    with pytest.MonkeyPatch.context() as patch:
        for name, value in stack.env.items():
            if name.startswith(("AWS_", "MLFLOW_")):
                patch.setenv(name, value)
        for kinds in ([0, 0, 1, 1], [0, 1, 1, 1]):
            tree = DecisionTreeClassifier(max_depth=1).fit(rows[["size"]], kinds)
            log_model(stack.settings, one.flowers, tree, rows, classes=["small", "large"])
        price = make_pipeline(OrdinalEncoder(), DecisionTreeRegressor()).fit(rows[["kind"]], [1.0, 1.0, 9.0, 9.0])
        log_model(stack.settings, one.price, price, rows)
    yield one
    with registry(stack.settings) as client:
        for name in (one.flowers, one.price):
            client.delete_registered_model(name)


@dataclass
class Tables:
    """Tables that no other test has; dropped afterwards, with what is deployed to them."""

    conn: "psycopg.Connection[Any]"
    names: list[str] = field(default_factory=list)

    def new(self) -> str:
        """A name."""
        self.names.append(f"t_{uuid.uuid4().hex[:8]}")
        return self.names[-1]

    def drop(self) -> None:
        for name in reversed(self.names):
            if name in {each.table.table for each in deployments(self.conn)}:
                type_("undeploy", name)
            for schema in ("public", "landfall"):
                self.conn.execute(sql.SQL("DROP TABLE IF EXISTS {}").format(sql.Identifier(schema, name)))

    def deploy(self, model: str, *words: str) -> str:
        """A new table that version 1 of a model scores; its name."""
        name = self.new()
        made = ("--create-table", "--primary-key", "id", "--model-version", "1")
        done("deploy", model, "--table", name, *made, *words)
        return name


@pytest.fixture
def tables(stack: Any, models: Models) -> Iterator[Tables]:
    with psycopg.connect(stack.settings.database_url, autocommit=True) as conn:
        one = Tables(conn)
        yield one
        one.drop()


def test_a_model_is_deployed_a_row_is_inserted_and_both_are_listed(
    landfall: Landfall, models: Models, tables: Tables
) -> None:
    table, model = tables.new(), models.flowers
    key = ("--create-table", "--primary-key", "id", "--primary-key", "code:char(3)")

    made = landfall("deploy", model, "--table", table, *key, "--model-version", "1")

    assert (made.returncode, made.stderr) == (0, "")
    lines = made.stdout.splitlines()
    run_id = deployed(tables.conn, TableName("public", table)).run_id
    assert lines[:6] == [
        f"-- read `{model}` version 1, of run {run_id}, from the registry",
        f"-- `{model}` version 1, a tree with a split: a row is scored by CASE and IF",
        f'CREATE TABLE "public"."{table}" (',
        '    "id" bigint,',
        '    "code" char(3),',
        '    "size" double precision,',
    ]
    assert [line for line in lines if "CREATE OR REPLACE TRIGGER zz_landfall_scores_1 BEFORE INSERT" in line]
    assert lines[-2:] == [
        f"public.{table} is scored by {model} version 1",
        f"next: landfall sql, and INSERT a row; landfall rescore public.{table}, for the rows that are there already",
    ]
    insert = f"INSERT INTO {table} (id, code, size) VALUES (1, 'abc', 2), (2, 'abc', 3) RETURNING id, prediction, model_version"
    assert told("sql", insert) == [
        {"id": 1, "prediction": "small", "model_version": "1"},
        {"id": 2, "prediction": "large", "model_version": "1"},
    ]

    [listed] = [each for each in told("deployments") if each["table"] == f"public.{table}"]
    assert listed == {
        "id": listed["id"],
        "table": f"public.{table}",
        "gone": False,
        "model": model,
        "version": "1",
        "run_id": run_id,
        "kind": "deployed",
        "for_a_row": "CASE and IF",
        "in_bulk": "one SELECT",
        "trees": 1,
        "splits": 1,
        "unscorable": "null",
        "classes": ["small", "large"],
        "fed_by": None,
        "feeds": {},
        "filled": {
            "prediction": "text",
            "probability_small": "double precision",
            "probability_large": "double precision",
            "prediction_reason": "text",
            "model_version": "text",
        },
        "since": listed["since"],
        "by_role": "landfall",
        "pinned": True,
    }
    shown = done("deployments").splitlines()
    assert re.split(r"  +", shown[0].strip()) == [
        "table", "model", "version", "since", "a row", "many", "trees / splits", "unscorable", "fed by",
    ]  # fmt: skip
    [row] = [re.split(r"  +", line.strip()) for line in shown if line.startswith(f"public.{table} ")]
    assert row == [f"public.{table}", model, "1", row[3], "CASE and IF", "one SELECT", "1 / 1", "null"]


def test_a_dry_run_shows_every_statement_whole_and_leaves_nothing(models: Models, tables: Tables) -> None:
    table = tables.new()
    words = ("deploy", models.flowers, "--table", table, "--create-table", "--primary-key", "id", "--dry-run")

    shown = done(*words)

    assert "CREATE TABLE" in shown
    assert "CREATE OR REPLACE FUNCTION landfall_models.score_" in shown
    assert shown.splitlines()[-1] == "-- all of it was taken back: nothing was changed"
    said = type_(*words, "--json")
    answer = json.loads(said.stdout)
    assert (answer["table"], answer["version"], answer["dry_run"]) == (f"public.{table}", "2", True)
    assert "CREATE TABLE" in said.stderr
    assert told("sql", f"SELECT to_regclass('public.{table}') AS there") == [{"there": None}]
    assert f"public.{table}" not in [each["table"] for each in told("deployments")]


def test_a_version_is_replaced_and_comes_back_and_the_history_says_when(models: Models, tables: Tables) -> None:
    table, model = tables.deploy(models.flowers, "--classes", "no,yes", "--unscorable", "error"), models.flowers
    name = f"public.{table}"
    insert = f"INSERT INTO {table} VALUES (%s, 2) RETURNING prediction, model_version"

    assert done("redeploy", table, "--dry-run").splitlines()[-1] == "-- all of it was taken back: nothing was changed"
    assert tables.conn.execute(insert, [1]).fetchall() == [("no", "1")]
    assert f"{name} is scored by {model} version 2" in done("redeploy", table).splitlines()
    assert tables.conn.execute(insert, [2]).fetchall() == [("yes", "2")]
    assert (told("redeploy", name, "--model-version", "2")["kind"]) == "redeployed"
    back = done("rollback", table).splitlines()
    assert back[-1] == f"{name} is scored by version 1 again; before it: version 2"
    assert tables.conn.execute(insert, [3]).fetchall() == [("no", "1")]
    forth = told("rollback", table, "--to", "2")
    assert (forth["version"], forth["kind"], forth["classes"], forth["unscorable"]) == (
        "2", "rolled back", ["no", "yes"], "error",
    )  # fmt: skip

    spans = told("deployments", table)["history"]
    kinds = ["rolled back", "rolled back", "redeployed", "deployed"]
    assert [(each["version"], each["kind"]) for each in spans] == list(zip("2121", kinds, strict=True))
    assert [each["until"] for each in spans] == [None, *(each["since"] for each in spans[:-1])]
    shown = [re.split(r"  +", line.strip()) for line in done("deployments", table).splitlines()]
    assert shown[3] == ["model", "version", "kind", "since", "until", "by", "run"]
    assert [line[1:3] for line in shown[4:]] == [[each["version"], each["kind"]] for each in spans]
    assert shown[4][4] == "now"

    first = history(tables.conn, deployed(tables.conn, TableName("public", table)))[-1]
    assert first.until
    assert told("deployments", table, "--at", first.since.isoformat()) == spans[-1]
    assert done("deployments", table, "--at", first.since.isoformat()) == (
        f"version 1 of `{model}`, deployed, from {first.since:%Y-%m-%d %H:%M:%S} UTC "
        f"until {first.until:%Y-%m-%d %H:%M:%S} UTC\n"
    )
    before = first.since - timedelta(days=1)
    assert refused("deployments", table, "--at", before.isoformat()) == (
        f"error: Nothing scored the rows of `{name}` at {before:%Y-%m-%d %H:%M:%S} UTC.\n"
        f"  looked: landfall.deployed_versions: the first entry is of {first.since:%Y-%m-%d %H:%M:%S} UTC\n"
        f"  next: landfall deployments {name}\n"
    )
    assert refused("rollback", table, "--to", "7") == (
        f"error: No version 7 of `{model}` has scored `{name}`.\n"
        "  looked: landfall.deployed_versions: 2, 1\n"
        "  left: nothing was changed\n"
        f"  next: landfall redeploy {name} --model-version VERSION\n"
    )


def test_rows_that_were_there_are_scored_and_progress_is_told_beside_the_answer(
    landfall: Landfall, models: Models, tables: Tables
) -> None:
    table = tables.new()
    tables.conn.execute(f"CREATE TABLE public.{table} (id int PRIMARY KEY, size float8, note text)".encode())
    size = "CASE n % 5 WHEN 0 THEN float8 'infinity' ELSE n % 5 END"
    rows = f"INSERT INTO {table} SELECT n, {size}, repeat('x', 200) FROM generate_series(1, 6000) n"
    tables.conn.execute(rows.encode())
    done("deploy", models.flowers, "--table", table, "--model-version", "1")

    said = landfall("rescore", table)

    assert said.returncode == 0, said.stderr
    progress = said.stderr.splitlines()
    assert (progress[0], progress[-1]) == (f"scoring {table}", "  100 %, 6,000 rows")
    assert all(re.fullmatch(r"  \d+ %, [\d,]+ rows", line) for line in progress[1:])
    scored, reasons, slowest = said.stdout.splitlines()
    assert re.fullmatch(rf"6,000 rows of public\.{table} scored by version 1 in [\d.]+ s", scored)
    assert reasons == "1,200 of them have a reason and no prediction"
    assert re.fullmatch(r"\d+ transactions?, the slowest took [\d.]+ s", slowest)
    counts = (
        f"SELECT coalesce(prediction, prediction_reason) AS told, count(*) AS rows FROM {table} GROUP BY 1 ORDER BY 1"
    )
    assert told("sql", counts) == [
        {"told": "large", "rows": 2400},
        {"told": "size is beyond 3.4028235677973362e+38", "rows": 1200},
        {"told": "small", "rows": 2400},
    ]  # fmt: skip

    again = told("rescore", table)
    assert {each: again[each] for each in ("table", "version", "rows", "unscorable", "fed", "whole")} == {
        "table": f"public.{table}", "version": "1", "rows": 0, "unscorable": 0, "fed": 0, "whole": True,
    }  # fmt: skip
    assert re.fullmatch(rf"0 rows of public\.{table} scored by version 1 in [\d.]+ s\n", done("rescore", table))


def test_predictions_feed_another_table_until_the_chain_is_taken_away(models: Models, tables: Tables) -> None:
    source = tables.deploy(models.flowers)
    fed = tables.deploy(models.price, "--after", source, "--feed", "kind=prediction")

    tables.conn.execute(f"INSERT INTO {source} VALUES (1, 1), (2, 4), (3, 'infinity')".encode())

    asked = f"SELECT id, kind, prediction FROM {fed} ORDER BY id"
    assert told("sql", asked) == [
        {"id": 1, "kind": "small", "prediction": 1.0},
        {"id": 2, "kind": "large", "prediction": 9.0},
    ]
    listed = told("deployments", fed)
    assert (listed["fed_by"], listed["feeds"]) == (f"public.{source}", {"kind": "prediction"})
    assert done("deployments", fed).splitlines()[1].split()[-1] == f"public.{source}"
    assert refused("undeploy", source) == (
        f"error: `public.{source}` feeds `public.{fed}`.\n"
        "  looked: landfall.deployments\n"
        "  left: nothing was changed\n"
        f"  next: landfall undeploy public.{fed}    (first)\n"
    )

    shown = done("undeploy", fed, "--drop-columns", "--dry-run")
    assert shown.splitlines()[-1] == "-- all of it was taken back: nothing was changed"
    gone = done("undeploy", fed, "--drop-columns").splitlines()
    assert gone[-1] == f"public.{fed} is not scored any more; it was by {models.price} version 1"
    assert told("sql", f"SELECT * FROM {fed} ORDER BY id") == [{"id": 1, "kind": "small"}, {"id": 2, "kind": "large"}]
    assert told("undeploy", source)["table"] == f"public.{source}"
    assert told("sql", f"SELECT id, prediction FROM {source} WHERE id = 1") == [{"id": 1, "prediction": "small"}]
    assert not {f"public.{source}", f"public.{fed}"} & {each["table"] for each in told("deployments")}


def test_a_role_may_insert_rows_and_read_them(stack: Any, models: Models, tables: Tables) -> None:
    table = tables.deploy(models.flowers, "--grant", "pg_monitor")

    rights = f"SELECT privilege_type FROM information_schema.role_table_grants WHERE table_name = '{table}'"
    given = told("sql", f"{rights} AND grantee = 'pg_monitor' ORDER BY 1")
    assert [each["privilege_type"] for each in given] == ["INSERT", "SELECT"]
    assert refused("deploy", models.flowers, "--table", table, "--model-version", "2", "--grant", "nobody") == (
        f"error: `{models.flowers}` version 2 could not be deployed to `public.{table}`.\n"
        f'  looked: {address(stack.settings.database_url)}: role "nobody" does not exist\n'
        "  left: nothing was changed\n"
        "  next: mend what PostgreSQL says, then ask again\n"
    )
    assert told("deployments", table)["version"] == "1"


def test_what_is_not_there_is_refused_with_the_nearest_that_is(models: Models, tables: Tables) -> None:
    table = tables.deploy(models.flowers)
    near, known = table[:-1], [each["table"] for each in told("deployments")]
    nobody = (
        f"error: There is no deployment to the table `public.{near}`. Did you mean `public.{table}`?\n"
        f"  looked: known: {', '.join(known)}\n"
        "  next: landfall deployments\n"
    )

    for command in ("redeploy", "rescore", "undeploy", "deployments"):
        assert refused(command, near) == nobody
    answer = type_("rescore", near, "--json")
    assert (answer.exit_code, json.loads(answer.stdout)["type"]) == (1, "DeploymentError")
    assert refused("rollback", near) == (
        f"error: There is no pipeline, or table that a model is deployed to, `{near}`. Did you mean `public.{table}`?\n"
        f"  looked: known: {', '.join([*PIPELINES, *known])}\n"
    )
    assert f"There is no table `public.{near}`. Did you mean `{table}`?\n" in refused(
        "deploy", models.flowers, "--table", near
    )
    assert refused("deploy", models.flowers[:-1], "--table", table).startswith(
        f"error: There is no registered model `{models.flowers[:-1]}`. Did you mean `{models.flowers}`?\n"
        "  looked: known: "
    )
    assert refused("redeploy", table, "--model-version", "12") == (
        f"error: There is no version of `{models.flowers}` `12`. Did you mean `2`?\n"
        "  looked: known: 1, 2\n"
        f"  next: landfall models {models.flowers}\n"
    )
    assert refused("deploy", models.price, "--table", tables.new(), "--after", near).startswith(nobody.split("\n")[0])


def test_a_table_in_another_schema_is_named_with_it(models: Models, tables: Tables) -> None:
    table = tables.new()
    tables.conn.execute("CREATE SCHEMA IF NOT EXISTS shop")
    tables.conn.execute(f"CREATE TABLE shop.{table} (id int PRIMARY KEY, size float8)".encode())

    said = refused("deploy", models.flowers, "--table", table).splitlines()

    assert said[0] == f"error: There is no table `public.{table}`. Did you mean `shop.{table}`?"
    assert said[3] == f"  next: landfall deploy {models.flowers} --table {table} --schema shop"
    assert told("deploy", models.flowers, "--table", table, "--schema", "shop")["table"] == f"shop.{table}"
    assert told("undeploy", f"shop.{table}")["version"] == "2"


@pytest.mark.parametrize(
    ("words", "error"),
    [
        (
            ["--feed", "species=prediction"],
            "error: `species=prediction` is a feed, but no table is to feed.\n"
            "  looked: expected the table of another deployment\n"
            "  left: nothing was changed\n"
            "  next: --after TABLE\n",
        ),
        (
            ["--after", "t", "--feed", "species"],
            "error: `species` does not say what feeds what.\n"
            "  looked: expected INPUT=COLUMN\n"
            "  left: nothing was changed\n",
        ),
        (
            ["--create-table"],
            "error: A table that is to be made needs a primary key.\n"
            "  looked: expected at least one column, such as id\n"
            "  left: nothing was changed\n"
            "  next: landfall deploy MODEL --table TABLE --create-table --primary-key id\n",
        ),
        (
            ["--schema", ""],
            "error: `` cannot be the name of a schema.\n"
            "  looked: 0 bytes; PostgreSQL takes 1 to 63, without NUL\n"
            "  left: nothing was changed\n"
            "  next: give the schema a name\n",
        ),
    ],
)
def test_what_makes_no_sense_is_refused_before_anything_is_asked(words: list[str], error: str) -> None:
    assert refused("deploy", "iris", "--table", "t", *words) == error


@pytest.mark.parametrize(
    "words",
    [
        ["deploy", "iris"],
        ["deploy", "--table", "t"],
        ["deploy", "iris", "--table", "t", "--unscorable", "maybe"],
        ["redeploy"],
        ["undeploy"],
        ["rescore"],
        ["deployments", "--at", "2012-12-25"],
    ],
)
def test_a_wrong_command_line_is_exit_code_2(words: list[str]) -> None:
    assert type_(*words).exit_code == 2


@pytest.mark.parametrize("command", COMMANDS)
def test_each_command_says_what_it_does_and_what_each_of_its_options_is(command: str) -> None:
    import typer

    group: Any = typer.main.get_command(build())
    found = group.commands[command]
    assert found.help
    assert [each.name for each in found.params if not each.help] == []
