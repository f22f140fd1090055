"""A role that may only connect, and the reader, against all that is in the databases of the stack.

What is tried is enumerated from PostgreSQL's catalogs, so a table or a function that is new is tried too. What PostgreSQL leaves
to everyone who can connect stands in the last tests.
"""

import json
import re
import uuid
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import psycopg
import pytest
from psycopg import sql
from psycopg.conninfo import conninfo_to_dict

from landfall.database import SERVING, connect
from landfall.database.rights import READ_BY_SERVING
from landfall.deployments import Create, Registered, Request, TableName, deploy, undeploy
from landfall.publishing import Fingerprint, open_publication, publish
from landfall.scoring.form import Linear, Model, Value
from landfall.scoring.scalars import Checked, InputColumn
from landfall.spec import Partition, PredictionTable
from landfall.spec.stream import SCHEMA
from landfall.spec.tables import READER

Connection = psycopg.Connection[tuple[Any, ...]]
REFUSED = psycopg.errors.InsufficientPrivilege
DAY = Partition.parse("2012-12-25")
SYSTEM = "n.nspname !~ '^pg_' AND n.nspname <> 'information_schema'"
RELATIONS = f"""
SELECT n.nspname, c.relname, c.relkind::text, c.relispartition FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
WHERE {SYSTEM} AND c.relkind IN ('r', 'p', 'v', 'm', 'f', 'S') ORDER BY 1, 2"""
FUNCTIONS = (
    f"SELECT p.oid::regprocedure::text FROM pg_proc p JOIN pg_namespace n ON n.oid = p.pronamespace WHERE {SYSTEM}"
)
SCHEMAS = "SELECT nspname FROM pg_namespace WHERE nspname !~ '^pg_temp|^pg_toast'"


@dataclass
class Databases:
    """The stack's server, with something in it of every kind."""

    admin: Connection
    url: str
    published: PredictionTable
    deployed: TableName
    child: str
    stranger: str
    serving: str

    def login(self, role: str, database: str = "landfall", **more: Any) -> Connection:
        """A session of the stranger, or of the reader, whose password is in the stack's own URL."""
        parts: dict[str, Any] = conninfo_to_dict(self.url)
        password = {READER: parts["password"], SERVING: self.serving}.get(role, role)
        return psycopg.connect(
            host=parts["host"],
            port=parts["port"],
            user=role,
            password=password,
            dbname=database,
            autocommit=True,
            **more,
        )


@pytest.fixture(scope="module")
def databases(stack: Any) -> Iterator[Databases]:
    """A published table and a deployed model, and a role that may connect to the predictions database."""
    secret = json.loads((stack.home / "secrets.json").read_text())["postgres"]
    word = uuid.uuid4().hex[:8]
    table = PredictionTable(
        name=f"predictions.stranger_{word}",
        columns={"time": "timestamptz", "predicted": "double precision"},
        key=("time",),
    )
    target, role = TableName("public", f"stranger_{word}"), f"stranger_{word}"
    parts = {**conninfo_to_dict(stack.settings.database_url), "user": "postgres", "password": secret}
    with psycopg.connect(**parts, autocommit=True) as admin, connect(stack.settings) as owner:
        admin.execute(f"CREATE ROLE {role} LOGIN PASSWORD '{role}'".encode())
        admin.execute(f"GRANT CONNECT ON DATABASE landfall TO {role}".encode())
        form = Model(
            features=(Checked(input=InputColumn(name="x")),),
            scorer=Linear(coefficients=((1.0,),), intercepts=(0.0,)),
            decision=Value(),
        )
        deploy(
            owner,
            Request(table=target, model="m", create=Create(primary_key={"id": "bigint"})),
            Registered(model="m", version="1", form=form),
        )
        try:
            child = fill(owner, table)
            serving = str(conninfo_to_dict(stack.env["LANDFALL_SERVING_URL"])["password"])
            yield Databases(admin, stack.env["LANDFALL_READER_URL"], table, target, child, role, serving)
        finally:
            undeploy(owner, target)
            owner.execute(f"DROP TABLE {target.quoted}; DROP TABLE {table.name}".encode())
            owner.execute("DELETE FROM landfall.staged_parts p USING landfall.publications b "
                          "WHERE b.id = p.publication_id AND b.table_name = %s", [table.name])  # fmt: skip
            owner.execute("DELETE FROM landfall.publications WHERE table_name = %s", [table.name])
            admin.execute(f"DROP OWNED BY {role}; DROP ROLE {role}".encode())


def fill(owner: Connection, table: PredictionTable) -> str:
    """Publishes one row; the publication's own table."""
    made_of = Fingerprint(objects={"a.csv": "etag"}, code_version="c0de", model_version="1", contract="1")
    publication = open_publication(owner, table, DAY, run_id="stranger", model_version="1", fingerprint=made_of)
    noon = datetime(2012, 12, 25, 12, tzinfo=UTC)
    owner.execute("INSERT INTO landfall.staged_parts VALUES (%s, 0, 1)", [publication.id])
    owner.execute(f"INSERT INTO {publication.staging} (time, predicted) VALUES (%s, 42)".encode(), [noon])
    publish(owner, publication, expected_rows=1)
    return publication.staging


@pytest.fixture(params=["stranger", "reader", "serving"])
def role(request: pytest.FixtureRequest, databases: Databases) -> str:
    return {"stranger": databases.stranger, "reader": READER, "serving": SERVING}[request.param]


@pytest.fixture
def session(databases: Databases, role: str) -> Iterator[Connection]:
    """Its session, where it may write if its rights let it: a default is no right."""
    with databases.login(role, options="-c default_transaction_read_only=off") as conn:
        yield conn


def test_a_relation_can_be_neither_read_nor_changed_but_for_prediction_tables_by_the_reader(
    databases: Databases, session: Connection, role: str
) -> None:
    relations = databases.admin.execute(RELATIONS).fetchall()
    names = {f"{schema}.{name}" for schema, name, _, _ in relations}
    assert names >= {
        "landfall.publications",
        "landfall.deployments",
        databases.child,
        databases.published.name,
        str(databases.deployed),
    }
    readable = set()
    for schema, name, kind, _ in relations:
        for statement in [READ, *(CHANGES if kind in ("r", "p") else ())]:
            if tried(session, sql.SQL(statement).format(sql.Identifier(schema, name))):
                assert statement == READ, f"{statement} on {schema}.{name}"
                readable.add(f"{schema}.{name}")
    published = {name for (name,) in databases.admin.execute("SELECT DISTINCT table_name FROM landfall.publications")}
    tables = {f"{schema}.{name}": schema for schema, name, kind, _ in relations if kind == "p"}
    predictions = {name for name, schema in tables.items() if schema == "predictions" or name in published}
    kept = "SELECT child_table FROM landfall.publications WHERE state IN ('published', 'superseded', 'rolled_back')"
    served = {f"landfall.{name}" for name in READ_BY_SERVING} | predictions
    if role == SERVING:  # and publications that are kept, of tables that were published since this version
        served |= readable & {str(name) for (name,) in databases.admin.execute(kept)}
        assert databases.child in readable
    of_streams = {f"{schema}.{name}" for schema, name, _, _ in relations if schema == SCHEMA}
    served |= {name for name in of_streams if not name.endswith("_dead_letters")}
    assert readable == {databases.stranger: set(), READER: predictions | of_streams, SERVING: served}[role]


READ = "SELECT * FROM {}"
CHANGES = (
    "INSERT INTO {} DEFAULT VALUES",
    "DELETE FROM {}",
    "TRUNCATE {}",
    "COPY {} FROM STDIN",
    "LOCK TABLE {} IN ACCESS EXCLUSIVE MODE",
    "ALTER TABLE {} DISABLE TRIGGER ALL",
    "CREATE TRIGGER mine BEFORE INSERT ON {} FOR EACH ROW EXECUTE FUNCTION suppress_redundant_updates_trigger()",
    "DROP TABLE {}",
)


def tried(session: Connection, statement: sql.Composed) -> bool:
    """Whether it was not refused for want of a right. It is taken back."""
    with suppress(REFUSED), session.transaction(force_rollback=True):
        session.execute(statement)
        return True
    return False


def test_nothing_can_be_made_in_any_schema(databases: Databases, session: Connection) -> None:
    for (schema,) in databases.admin.execute(SCHEMAS):
        with pytest.raises(REFUSED):
            session.execute(sql.SQL("CREATE TABLE {} (x int)").format(sql.Identifier(schema, "mine")))


def test_no_function_of_landfall_can_be_called(databases: Databases, session: Connection) -> None:
    functions = [str(name) for (name,) in databases.admin.execute(FUNCTIONS)]
    assert any(name.startswith("landfall_models.score_") for name in functions)
    for name in functions:
        with pytest.raises(REFUSED):
            session.execute(f"SELECT {name}".encode())


@pytest.mark.parametrize(
    "statement",
    [
        "CREATE TEMP TABLE mine (x int)",
        "CREATE SCHEMA mine",
        "CREATE EXTENSION dblink",
        "CREATE EXTENSION file_fdw",
        "CREATE ROLE mine",
        "CREATE DATABASE mine",
        "CREATE PUBLICATION mine FOR ALL TABLES",
        "CREATE SUBSCRIPTION mine CONNECTION 'dbname=postgres' PUBLICATION mine WITH (connect = false)",
        "CREATE EVENT TRIGGER mine ON ddl_command_end EXECUTE FUNCTION pg_notify()",
        "ALTER ROLE CURRENT_USER SUPERUSER",
        "ALTER ROLE CURRENT_USER REPLICATION",
        "ALTER ROLE landfall PASSWORD 'mine'",
        "ALTER SYSTEM SET log_statement = 'all'",
        "ALTER DATABASE landfall SET search_path = mine",
        "SET ROLE landfall",
        "SET ROLE landfall_reader_of_none",
        "SET SESSION AUTHORIZATION postgres",
        "SET session_replication_role = replica",
        "SET temp_file_limit = -1",
        "SET log_min_messages = panic",
        "LOAD 'auto_explain'",
        "COPY (SELECT 1) TO PROGRAM 'id'",
        "COPY (SELECT 1) TO '/tmp/mine'",
        "SELECT pg_read_file('postgresql.conf')",
        "SELECT pg_read_binary_file('global/pg_control')",
        "SELECT pg_ls_dir('.')",
        "SELECT pg_stat_file('postgresql.conf')",
        "SELECT lo_import('/etc/passwd')",
        "SELECT pg_reload_conf()",
        "SELECT pg_switch_wal()",
        "SELECT pg_create_logical_replication_slot('mine', 'pgoutput')",
        "SELECT pg_create_physical_replication_slot('mine')",
        "SELECT * FROM pg_authid",
        "SELECT * FROM pg_hba_file_rules",
        "SELECT * FROM pg_largeobject",
        "SELECT rolpassword FROM pg_authid",
        "CHECKPOINT",
    ],
)
def test_the_server_is_out_of_reach(session: Connection, statement: str) -> None:
    refused = (
        REFUSED,
        psycopg.errors.InvalidParameterValue,
        psycopg.errors.UndefinedFile,
        psycopg.errors.UndefinedObject,
    )
    with pytest.raises(refused):
        session.execute(statement.encode())


def test_sessions_of_others_can_be_neither_ended_nor_read(databases: Databases, session: Connection) -> None:
    pid = databases.admin.info.backend_pid
    for function in ("pg_terminate_backend", "pg_cancel_backend"):
        with pytest.raises(REFUSED):
            session.execute(f"SELECT {function}({pid})".encode())
    assert session.execute("SELECT query FROM pg_stat_activity WHERE pid = %s", [pid]).fetchone() == (
        "<insufficient privilege>",
    )


def test_a_large_object_of_another_role_cannot_be_read(databases: Databases, session: Connection) -> None:
    [(oid,)] = databases.admin.execute("SELECT lo_from_bytea(0, 'mine')")
    try:
        with pytest.raises(REFUSED):
            session.execute("SELECT lo_get(%s)", [oid])
    finally:
        databases.admin.execute("SELECT lo_unlink(%s)", [oid])


def test_other_databases_are_closed(databases: Databases, role: str) -> None:
    others = [str(name) for (name,) in databases.admin.execute("SELECT datname FROM pg_database WHERE datallowconn")]
    assert set(others) >= {"airflow", "mlflow", "postgres", "template1"}
    for name in set(others) - {"landfall"}:
        if name.startswith("test_"):  # an empty one that another test has made
            continue
        with pytest.raises(psycopg.OperationalError, match=f'permission denied for database "{name}"'):
            databases.login(role, name)


@pytest.mark.parametrize(
    ("kind", "refusal"),
    [
        ("true", r"no pg_hba\.conf entry for replication connection"),
        ("database", "permission denied to start WAL sender"),
    ],
)
def test_the_cluster_cannot_be_copied(databases: Databases, role: str, kind: str, refusal: str) -> None:
    for database in ("landfall", "postgres"):
        with pytest.raises(psycopg.OperationalError, match=f"{refusal}|permission denied for database"):
            databases.login(role, database, replication=kind)
    with pytest.raises(psycopg.OperationalError, match=refusal):
        databases.login(role, "landfall", replication=kind)


def test_no_role_of_the_stack_may_replicate_but_the_one_that_captures_changes(databases: Databases) -> None:
    replicating = databases.admin.execute("SELECT rolname FROM pg_roles WHERE rolreplication ORDER BY 1").fetchall()
    assert replicating == [("landfall_capture",), ("postgres",)]
    reaches = """
SELECT datname::text FROM pg_database
WHERE has_database_privilege('landfall_capture', oid, 'CONNECT') AND datallowconn AND datname NOT LIKE 'test%'"""
    assert databases.admin.execute(reaches).fetchall() == [("flowers",)]


def test_the_reader_reads_what_is_published_and_its_sessions_end(databases: Databases) -> None:
    with databases.login(READER) as conn:
        read = f"SELECT predicted, model_version FROM {databases.published.name}"
        assert conn.execute(read.encode()).fetchall() == [(42.0, "1")]
        shown = {
            name: conn.execute(f"SHOW {name}".encode()).fetchone()
            for name in ("default_transaction_read_only", "statement_timeout", "idle_in_transaction_session_timeout")
        }
        assert shown == {
            "default_transaction_read_only": ("on",),
            "statement_timeout": ("30s",),
            "idle_in_transaction_session_timeout": ("30s",),
        }
        with pytest.raises(psycopg.errors.ReadOnlySqlTransaction):
            conn.execute("SELECT lo_create(0)")
    limits = databases.admin.execute("SELECT rolconnlimit FROM pg_roles WHERE rolname = %s", [READER]).fetchone()
    assert limits == (40,)


def test_ps_says_with_what_applications_read(stack: Any, landfall: Any) -> None:
    told = {part["name"]: part for part in json.loads(landfall("ps", "--json").stdout)}
    assert told["postgres"]["login"] == READER
    assert (
        f"applications read predictions as {READER}: LANDFALL_READER_URL in {stack.home / 'env'}"
        in landfall("ps").stdout
    )
    assert (stack.home / "env").stat().st_mode & 0o777 == 0o600


# --- what PostgreSQL leaves to everyone who can connect ---------------------------------------------------------------


def test_the_text_of_functions_can_be_read(databases: Databases, session: Connection) -> None:
    """docs/in_database.md says so."""
    texts = session.execute("SELECT prosrc FROM pg_proc WHERE proname ~ '^score_'").fetchall()
    assert any("prediction" in text for (text,) in texts)


def test_nothing_of_ours_listens_to_notifications() -> None:
    """Everyone may NOTIFY on every channel, so nothing may follow from it."""
    sources = Path(__file__).parents[2]
    for folder in ("include", "spark_jobs", "dags"):
        for path in (sources / folder).rglob("*.py"):
            assert not re.search(r"\bLISTEN\b|add_notify_handler|\.notifies\(|add_listener", path.read_text()), path
