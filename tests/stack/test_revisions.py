"""The tables of MLflow and Airflow: migrated by what their database says, and never where they are too new."""

import importlib.util
import os
import re
import subprocess
import sys
import uuid
from collections.abc import Iterator
from importlib.metadata import version
from pathlib import Path

import psycopg
import pytest
from psycopg import sql

from landfall.errors import StackError
from landfall.stack.airflow_parts import Tables
from landfall.stack.revisions import AIRFLOW, MLFLOW, Schema, revision_at


@pytest.fixture
def url(database_url: str) -> Iterator[str]:
    """An empty database of its own, as MLflow and Airflow address it."""
    name = f"tables_{uuid.uuid4().hex[:8]}"
    with psycopg.connect(database_url, autocommit=True) as admin:
        admin.execute(sql.SQL("CREATE DATABASE {}").format(sql.Identifier(name)))
        yield f"{database_url.rpartition('/')[0]}/{name}".replace("postgresql://", "postgresql+psycopg2://")
        admin.execute(sql.SQL("DROP DATABASE {} WITH (FORCE)").format(sql.Identifier(name)))


def stamp(url: str, revision: str) -> None:
    """Makes the database say that its tables are of a revision."""
    with psycopg.connect(url.replace("+psycopg2", ""), autocommit=True) as conn:
        conn.execute("CREATE TABLE IF NOT EXISTS alembic_version (version_num text)")
        conn.execute("DELETE FROM alembic_version")
        conn.execute("INSERT INTO alembic_version VALUES (%s)", [revision])


def before(schema: Schema) -> str:
    """The revision before the newest that is known."""

    _, newest = schema.known()
    spec = importlib.util.find_spec(schema.name)
    (place,) = (spec and spec.submodule_search_locations) or [""]
    texts = [file.read_text(encoding="utf-8") for file in Path(place, schema.folder).glob("*.py")]
    text = next(text for text in texts if re.search(rf"^revision\b.*{newest}", text, re.MULTILINE))
    found = re.search(r"^down_revision\b.*[\"'](\w+)[\"']", text, re.MULTILINE)
    assert found
    return found[1]


def test_what_is_known_is_what_the_packages_themselves_know() -> None:
    from airflow.utils.db import _REVISION_HEADS_MAP
    from mlflow.store.db.utils import _get_latest_schema_revision

    assert MLFLOW.known()[1] == _get_latest_schema_revision()
    assert AIRFLOW.known()[1] == list(_REVISION_HEADS_MAP.values())[-1]
    assert set(_REVISION_HEADS_MAP.values()) <= AIRFLOW.known()[0]


@pytest.mark.parametrize("schema", [MLFLOW, AIRFLOW], ids=["mlflow", "airflow"])
def test_the_database_says_whether_a_migration_is_due(url: str, schema: Schema) -> None:
    assert (revision_at(schema.name, url), schema.is_due(url)) == (None, True)
    stamp(url, before(schema))
    assert (revision_at(schema.name, url), schema.is_due(url)) == (before(schema), True)
    newest = schema.known()[1]
    stamp(url, newest)
    assert (revision_at(schema.name, url), schema.is_due(url)) == (newest, False)


@pytest.mark.parametrize("schema", [MLFLOW, AIRFLOW], ids=["mlflow", "airflow"])
def test_tables_of_a_newer_version_are_refused(url: str, schema: Schema) -> None:
    stamp(url, "fedcba987654")
    with pytest.raises(StackError) as refused:
        schema.is_due(url)
    installed = version({"mlflow": "mlflow", "airflow": "apache-airflow-core"}[schema.name])
    assert str(refused.value) == (
        f"The tables of `{schema.name}` were made by a newer version than {schema.name} {installed}, which is installed.\n"
        f"  looked: revision fedcba987654 in the database `{schema.name}`; the newest known here is "
        f"{schema.known()[1]}\n"
        "  left: nothing was migrated; data is kept\n"
        "  next: pip install -r requirements.txt    (of the checkout that the stack was last started from)"
    )


def test_a_database_that_does_not_answer_is_told(url: str) -> None:
    away = re.sub(r":\d+/", ":1/", url)
    with pytest.raises(StackError) as refused:
        MLFLOW.is_due(away)
    assert refused.value.what == "The revision of the tables of `mlflow` could not be read."
    assert refused.value.next == "landfall logs postgres"


def test_mlflows_tables_of_an_older_version_are_upgraded_whatever_marker_is_there(
    url: str, database_url: str, tmp_path: Path
) -> None:
    """As after a downgrade and an upgrade: the marker of an older Landfall says that all is done."""
    from alembic import command
    from mlflow.store.db.utils import _get_alembic_config, create_sqlalchemy_engine_with_retry
    from mlflow.store.tracking.dbmodels.initial_models import Base
    from mlflow.store.tracking.sqlalchemy_store import SqlAlchemyStore

    engine = create_sqlalchemy_engine_with_retry(url)
    Base.metadata.create_all(engine)
    with engine.begin() as connection:
        config = _get_alembic_config(url)
        config.attributes["connection"] = connection
        command.upgrade(config, before(MLFLOW))
    engine.dispose()
    assert revision_at("mlflow", url) == before(MLFLOW)
    (tmp_path / f"mlflow-{version('mlflow')}").touch()
    said: list[str] = []

    env = {**os.environ, "MLFLOW_TRACKING_URI": url, "LANDFALL_MLFLOW_ARTIFACTS": tmp_path.as_uri()}
    env |= {"LANDFALL_DATABASE_URL": database_url, "LANDFALL_S3_BUCKET": "unused"}
    tables = Tables(log=tmp_path / "log", env=env)
    tables.migrate(said.append, MLFLOW)
    tables.migrate(said.append, MLFLOW)

    assert revision_at("mlflow", url) == MLFLOW.known()[1]
    assert said == [f"migrating {MLFLOW.installed}"]
    assert SqlAlchemyStore(url, tmp_path.as_uri()).search_experiments()


def test_mlflows_tables_of_a_newer_version_end_the_one_shot_of_compose_with_the_reason(
    url: str, tmp_path: Path
) -> None:

    stamp(url, "fedcba987654")
    env = {**os.environ, "MLFLOW_TRACKING_URI": url, "LANDFALL_MLFLOW_ARTIFACTS": tmp_path.as_uri()}
    command = [sys.executable, "-m", "landfall.stack.mlflow_tables"]
    told = subprocess.run(command, env=env, capture_output=True, text=True, check=False, timeout=120)

    assert told.returncode == 1
    assert (
        told.stderr.strip()
        .splitlines()[-4]
        .startswith("The tables of `mlflow` were made by a newer version than mlflow ")
    )
