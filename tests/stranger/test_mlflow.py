"""A stranger at MLflow: no page without a login, and an identity in the store that reads models and nothing else."""

import json
import subprocess
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import boto3
import httpx
import psycopg
import pytest
from botocore.exceptions import ClientError

from landfall.spec.settings import Settings
from landfall.stack import environment
from landfall.stack.revisions import MLFLOW, revision_at

Landfall = Callable[..., "subprocess.CompletedProcess[str]"]


@dataclass(frozen=True)
class Page:
    """MLflow's server on a small stack of its own."""

    home: Path
    run: Landfall
    url: str

    @property
    def settings(self) -> Settings:
        return Settings.read(environment(self.home))

    def store(self, access_key: str, secret_key: str) -> Any:
        s3 = self.settings.s3
        return boto3.client(
            "s3", endpoint_url=s3.endpoint, region_name=s3.region, aws_access_key_id=access_key,
            aws_secret_access_key=secret_key,
        )  # fmt: skip


@pytest.fixture(scope="module")
def page(tmp_path_factory: pytest.TempPathFactory, request: pytest.FixtureRequest) -> Iterator[Page]:
    home = tmp_path_factory.mktemp("mlflow")
    conftest = request.config.pluginmanager.getplugin(str(Path(__file__).parents[1] / "conftest.py"))
    run: Landfall = partial(conftest.run_landfall, home)
    try:
        started = run("up", "--parts", "mlflow")
        assert started.returncode == 0, started.stderr
        listed = {part["name"]: part for part in json.loads(run("ps", "--json").stdout)}
        yield Page(home, run, listed["mlflow"]["url"])
    finally:
        run("down")


CALLS = [
    ("GET", "/"),
    ("GET", "/version"),
    ("GET", "/api/2.0/mlflow/registered-models/search"),
    ("POST", "/api/2.0/mlflow/registered-models/create"),
    ("POST", "/api/2.0/mlflow/model-versions/create"),
    ("POST", "/api/2.0/mlflow/model-versions/set-tag"),
    ("POST", "/api/2.0/mlflow/registered-models/alias"),
    ("POST", "/api/2.0/mlflow/experiments/search"),
    ("GET", "/api/2.0/mlflow-artifacts/artifacts"),
    ("PUT", "/api/2.0/mlflow-artifacts/artifacts/x/model.pkl"),
    ("GET", "/get-artifact?run_id=x&path=y"),
    ("GET", "/model-versions/get-artifact?name=x&version=1&path=y"),
    ("POST", "/ajax-api/2.0/mlflow/upload-artifact?run_uuid=x&path=y"),
    ("POST", "/api/2.0/mlflow/users/create"),
    ("POST", "/graphql"),
]


@pytest.mark.stack
@pytest.mark.parametrize(("method", "path"), CALLS, ids=[path.partition("?")[0] for _, path in CALLS])
def test_nothing_is_answered_without_a_login(page: Page, method: str, path: str) -> None:
    for login in (None, ("admin", "password1234"), ("admin", "")):
        assert httpx.request(method, f"{page.url}{path}", auth=login, json={}).status_code == 401


@pytest.mark.stack
def test_the_admin_of_ps_is_let_in(page: Page) -> None:
    listed = {part["name"]: part for part in json.loads(page.run("ps", "--json").stdout)}
    passwords = json.loads(Path(listed["mlflow"]["secret_file"]).read_text())
    told = httpx.get(f"{page.url}/api/2.0/mlflow/registered-models/search", auth=("admin", passwords["admin"]))
    assert told.status_code == 200
    assert Path(listed["mlflow"]["secret_file"]).stat().st_mode & 0o077 == 0


@pytest.mark.stack
def test_its_identity_in_the_store_reads_models_and_nothing_else(page: Page) -> None:
    s3, secrets = page.settings.s3, json.loads((page.home / "secrets.json").read_text())
    ours = page.store(s3.access_key, s3.secret_key)
    ours.put_object(Bucket=s3.bucket, Key="bike_sharing/actuals/dt=2012-01-01/a.csv", Body=b"landed")
    ours.put_object(Bucket=s3.bucket, Key="mlflow/a/model/MLmodel", Body=b"model")
    theirs = page.store(secrets["models_access_key"], secrets["models_secret_key"])

    listed = theirs.list_objects_v2(Bucket=s3.bucket)["Contents"]
    assert [each["Key"] for each in listed] == ["mlflow/a/model/MLmodel"]
    assert theirs.get_object(Bucket=s3.bucket, Key="mlflow/a/model/MLmodel")["Body"].read() == b"model"
    with pytest.raises(ClientError):
        theirs.get_object(Bucket=s3.bucket, Key="bike_sharing/actuals/dt=2012-01-01/a.csv")
    with pytest.raises(ClientError):
        theirs.get_object(Bucket=s3.bucket, Key="mlflow/../bike_sharing/actuals/dt=2012-01-01/a.csv")
    for key in ("mlflow/a/model/MLmodel", "bike_sharing/b.csv"):
        with pytest.raises(ClientError):
            theirs.put_object(Bucket=s3.bucket, Key=key, Body=b"forged")
        with pytest.raises(ClientError):
            theirs.delete_object(Bucket=s3.bucket, Key=key)
    assert ours.get_object(Bucket=s3.bucket, Key="mlflow/a/model/MLmodel")["Body"].read() == b"model"


@pytest.mark.stack
def test_tables_of_another_version_are_upgraded_or_refused_whatever_was_noted_before(page: Page) -> None:
    url = page.settings.mlflow_tracking_uri
    newest = MLFLOW.known()[1]
    assert (revision_at("mlflow", url), MLFLOW.is_due(url)) == (newest, False)
    assert page.run("down").returncode == 0
    assert page.run("up", "--parts", "postgres").returncode == 0
    with psycopg.connect(url.replace("postgresql+psycopg2", "postgresql"), autocommit=True) as connection:
        connection.execute(
            "DROP SCHEMA public CASCADE"
        )  # as a database that was put back from before MLflow's first start
        connection.execute("CREATE SCHEMA public")
    assert page.run("down").returncode == 0

    assert page.run("up", "--parts", "mlflow").returncode == 0

    assert revision_at("mlflow", url) == newest
    with psycopg.connect(url.replace("postgresql+psycopg2", "postgresql"), autocommit=True) as connection:
        connection.execute("UPDATE alembic_version SET version_num = 'fffffffffff1'")
    assert page.run("down").returncode == 0
    refused = page.run("up", "--parts", "mlflow", "--json")
    told = json.loads(refused.stdout)
    assert (
        refused.returncode,
        told["error"].startswith("The tables of `mlflow` were made by a newer version than"),
    ) == (
        1,
        True,
    )
    assert told["left"] == "nothing was migrated; data is kept"
