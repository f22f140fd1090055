"""A stranger at MLflow: without a login, with the keys of its server, and with its whole database.

What MLflow says of a version is never a reason to load it. Each model here is a trap, a pickle that makes a folder when it is
loaded; no folder may ever be there.
"""

import hashlib
import json
import os
import pickle
import uuid
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import boto3
import httpx
import pytest
from botocore.exceptions import ClientError

from landfall.database import connect
from landfall.errors import ModelError
from landfall.freshness import champion, promote
from landfall.models.own import judged_model, scoring_options
from landfall.models.registry import registry, version
from landfall.spec import Settings
from landfall.stack import environment

pytestmark = [pytest.mark.stack, pytest.mark.timeout(900)]
OPEN = ("/health", "/api/3.0/mlflow/server-info", "/ajax-api/3.0/mlflow/server-info", "/static-files/")
"""What MLflow's server tells anybody: that it is there, what kind of store it has, and the scripts of its page."""


@dataclass(frozen=True)
class Stack:
    """A stack with MLflow's server."""

    home: Path
    run: Any

    @property
    def settings(self) -> Settings:
        return Settings.read(environment(self.home))

    @property
    def secrets(self) -> dict[str, str]:
        told: dict[str, str] = json.loads((self.home / "secrets.json").read_text(encoding="utf-8"))
        return told

    @property
    def mlflow(self) -> dict[str, Any]:
        parts = json.loads(self.run("ps", "--json").stdout)
        return next(part for part in parts if part["name"] == "mlflow")

    def s3(self, *keys: str) -> Any:
        """A client with the named secrets as its keys."""
        access, secret = (self.secrets[key] for key in keys)
        endpoint = self.settings.s3.endpoint
        return boto3.client(
            "s3", endpoint_url=endpoint, aws_access_key_id=access, aws_secret_access_key=secret, region_name="us-east-1"
        )


@pytest.fixture(scope="module")
def small(tmp_path_factory: pytest.TempPathFactory, request: pytest.FixtureRequest) -> Iterator[Stack]:
    """A stack of Postgres, S3 and MLflow. LANDFALL_TEST_HOME names one that is up already."""
    named = os.environ.get("LANDFALL_TEST_HOME")
    home = Path(named) if named else tmp_path_factory.mktemp("mlflow")
    conftest = request.config.pluginmanager.getplugin(str(Path(__file__).parents[1] / "conftest.py"))

    def run(*arguments: str) -> Any:
        return conftest.run_landfall(home, *arguments)

    one = Stack(home, run)
    try:
        if not named:
            started = run("up", "--parts", "postgres,s3,mlflow")
            assert started.returncode == 0, started.stdout + started.stderr
        yield one
    finally:
        if not named:
            run("down")


# --- without a login --------------------------------------------------------------------------------------------------


def test_whoever_has_no_login_is_refused_by_every_endpoint_and_by_the_page(small: Stack) -> None:
    from mlflow.server import app

    rules = {(rule.rule, method) for rule in app.url_map.iter_rules() for method in rule.methods - {"HEAD", "OPTIONS"}}
    asked = {(path.replace("<", "").replace(">", "").replace(":", "_"), method) for path, method in rules}
    asked |= {("/signup", "GET"), ("/api/2.0/mlflow/users/create", "POST"), ("/api/2.0/mlflow/users/get", "GET")}
    assert len(asked) > 100
    with httpx.Client(base_url=small.mlflow["url"], trust_env=False) as http:
        told = {(path, method): http.request(method, path).status_code for path, method in sorted(asked)}
        wrong = http.get("/api/2.0/mlflow/registered-models/search", auth=("admin", "password1234")).status_code

    assert {each for each, status in told.items() if status != 401 and not each[0].startswith(OPEN)} == set()
    assert wrong == 401


def test_the_admin_signs_in_with_the_password_in_the_file_that_ps_names(small: Stack) -> None:
    part = small.mlflow
    file = Path(part["secret_file"])
    login = next(iter(json.loads(file.read_text(encoding="utf-8")).items()))
    told = httpx.get(f"{part['url']}/api/2.0/mlflow/registered-models/search", auth=login, trust_env=False)

    assert (login[0], told.status_code, file.stat().st_mode & 0o777) == ("admin", 200, 0o600)
    assert (small.home / "data" / "mlflow" / "auth.db").stat().st_mode & 0o777 == 0o600
    assert f"mlflow: {part['url']}, user admin, password in {file}" in small.run("ps").stdout.replace("\n", " ")


def test_somebody_whom_the_admin_has_made_sees_nothing_until_the_admin_lets_them(small: Stack) -> None:
    part, name, password = small.mlflow, f"guest_{uuid.uuid4().hex[:8]}", uuid.uuid4().hex
    admin = ("admin", small.secrets["mlflow_admin"])
    with registry(small.settings) as client:
        client.create_registered_model(name)
    with httpx.Client(base_url=part["url"], trust_env=False) as http:
        made = http.post("/api/2.0/mlflow/users/create", auth=admin, json={"username": name, "password": password})
        seen = http.get("/api/2.0/mlflow/registered-models/get", params={"name": name}, auth=(name, password))
        listed = http.get("/api/2.0/mlflow/registered-models/search", auth=(name, password))

    assert (made.status_code, seen.status_code, listed.json().get("registered_models", [])) == (200, 403, [])


# --- with the keys of MLflow's server ---------------------------------------------------------------------------------

LANDED = "bike_sharing/actuals/dt=2012-12-24/hours.csv"


@pytest.fixture
def models(small: Stack) -> Iterator[tuple[Any, str]]:
    """The identity of MLflow's server, and the key of an artifact; something has landed beside it."""
    own, artifact = small.s3("s3_access_key", "s3_secret_key"), f"mlflow/{uuid.uuid4().hex}/artifacts/model/MLmodel"
    for key in (LANDED, artifact):
        own.put_object(Bucket="landfall", Key=key, Body=b"content")
    yield small.s3("models_access_key", "models_secret_key"), artifact
    for key in (LANDED, artifact):
        own.delete_object(Bucket="landfall", Key=key)


def test_mlflows_identity_reads_artifacts_and_no_landed_data(models: tuple[Any, str]) -> None:
    client, artifact = models

    assert client.get_object(Bucket="landfall", Key=artifact)["Body"].read() == b"content"
    folder = f"{artifact.rpartition('/')[0]}/"
    assert [each["Key"] for each in client.list_objects_v2(Bucket="landfall", Prefix=folder)["Contents"]] == [artifact]
    everything = client.list_objects_v2(Bucket="landfall")["Contents"]
    assert {each["Key"].partition("/")[0] for each in everything} == {"mlflow"}
    assert [bucket["Name"] for bucket in client.list_buckets()["Buckets"]] == ["landfall"]
    for key in (LANDED, f"mlflow/../{LANDED}"):
        with pytest.raises(ClientError, match="NoSuchKey"):
            client.get_object(Bucket="landfall", Key=key)


def test_mlflows_identity_writes_nothing(small: Stack, models: tuple[Any, str]) -> None:
    client, artifact = models
    own = small.s3("s3_access_key", "s3_secret_key")

    for attempt in (
        lambda: client.put_object(Bucket="landfall", Key=artifact, Body=b"mine"),
        lambda: client.put_object(Bucket="landfall", Key=f"{artifact}2", Body=b"mine"),
        lambda: client.put_object(Bucket="landfall", Key=LANDED, Body=b"mine"),
        lambda: client.delete_object(Bucket="landfall", Key=artifact),
        lambda: client.create_multipart_upload(Bucket="landfall", Key=artifact),
        lambda: client.copy_object(Bucket="landfall", Key=f"{artifact}2", CopySource=f"landfall/{artifact}"),
        lambda: client.delete_bucket(Bucket="landfall"),
    ):
        with pytest.raises(ClientError):
            attempt()
    assert [own.get_object(Bucket="landfall", Key=key)["Body"].read() for key in (artifact, LANDED)] == [b"content"] * 2


def test_the_page_shows_artifacts_writes_none_and_gives_no_landed_data(small: Stack, models: tuple[Any, str]) -> None:
    """As the admin, who may do everything that MLflow's server can."""
    own, name = small.s3("s3_access_key", "s3_secret_key"), f"page_{uuid.uuid4().hex[:8]}"
    with registry(small.settings) as client:
        run = client.create_run(client.create_experiment(name, f"s3://landfall/mlflow/{name}"))
        client.create_registered_model(name)
        client.create_model_version(name, f"s3://landfall/{LANDED.rpartition('/')[0]}", run.info.run_id)
    folder = run.info.artifact_uri.removeprefix("s3://landfall/")
    own.put_object(Bucket="landfall", Key=f"{folder}/seen.txt", Body=b"shown")
    login = ("admin", small.secrets["mlflow_admin"])
    with httpx.Client(base_url=small.mlflow["url"], auth=login, trust_env=False) as http:
        of_run = {"run_uuid": run.info.run_id, "path": "seen.txt"}
        shown = http.get("/get-artifact", params=of_run)
        listed = http.get("/api/2.0/mlflow/artifacts/list", params={"run_id": run.info.run_id})
        put = http.post("/ajax-api/2.0/mlflow/upload-artifact", params={**of_run, "path": "mine.txt"}, content=b"mine")
        landed = http.get("/model-versions/get-artifact", params={"name": name, "version": "1", "path": "hours.csv"})

    assert (shown.status_code, shown.content) == (200, b"shown")
    assert [each["path"] for each in listed.json()["files"]] == ["seen.txt"]
    assert (put.is_success, landed.is_success) == (False, False)
    assert landed.content != b"content"
    keys = [each["Key"] for each in own.list_objects_v2(Bucket="landfall", Prefix=f"mlflow/{name}/")["Contents"]]
    assert keys == [f"{folder}/seen.txt"]


def test_mlflows_server_has_no_other_key_and_shows_none_on_its_command_line(small: Stack) -> None:
    import psutil

    process = psutil.Process(int(small.mlflow["pid"]))
    servers = [process, *process.children(recursive=True)]
    own = {"models_access_key", "models_secret_key", "mlflow_admin", "mlflow_session", "database_mlflow"}
    for each in servers:
        told = "\n".join(each.environ().values())
        assert {name for name, secret in small.secrets.items() if secret in told} <= own
        assert not [name for name, secret in small.secrets.items() if secret in " ".join(each.cmdline())]


# --- with MLflow's whole database -------------------------------------------------------------------------------------


class Trap:
    """Makes a folder when it is loaded."""

    def __init__(self, folder: Path) -> None:
        self.folder = str(folder)

    def __reduce__(self) -> tuple[Any, ...]:
        return os.mkdir, (self.folder,)


MLMODEL = """
flavors:
  sklearn: {pickled_model: fitted/model.pkl, serialization_format: cloudpickle, sklearn_version: 1.9.1}
"""


@dataclass(frozen=True)
class Attack:
    """A version that a stranger has registered, with all that MLflow can say for it."""

    name: str
    where: str
    sprung: Path


@pytest.fixture(params=["this machine", "another prefix", "this project's own prefix"])
def attack(request: pytest.FixtureRequest, small: Stack, tmp_path: Path) -> Iterator[Attack]:
    """The trap, in one of three places, tagged as Landfall tags its own versions and called the champion."""
    proof, sprung, name = tmp_path / "proof", tmp_path / "sprung", f"trap_{uuid.uuid4().hex[:8]}"
    pickle.loads(pickle.dumps(Trap(proof)))
    assert proof.is_dir(), "the trap works"
    content = pickle.dumps(Trap(sprung))
    files = {"MLmodel": MLMODEL.encode(), "fitted/model.pkl": content}
    if request.param == "this machine":
        where = f"file://{tmp_path}/model"
        for path, text in files.items():
            Path(tmp_path, "model", path).parent.mkdir(parents=True, exist_ok=True)
            Path(tmp_path, "model", path).write_bytes(text)
    else:
        prefix = "bike_sharing" if request.param == "another prefix" else "mlflow"
        where, s3 = f"s3://landfall/{prefix}/{name}/model", small.s3("s3_access_key", "s3_secret_key")
        for path, text in files.items():
            s3.put_object(Bucket="landfall", Key=f"{prefix}/{name}/model/{path}", Body=text)
    tags = {"landfall.library": "scikit-learn", "landfall.model_sha256": hashlib.sha256(content).hexdigest()}
    with registry(small.settings) as client:
        client.create_registered_model(name)
        run = client.create_run("0")
        client.create_model_version(name, where, run.info.run_id, tags=tags)
        client.set_registered_model_alias(name, "champion", "1")
    yield Attack(name, where, sprung)
    with registry(small.settings) as client:
        client.delete_registered_model(name)
    assert not sprung.exists()


def test_a_strangers_model_is_not_deployed(small: Stack, attack: Attack) -> None:
    ask = ("deploy", attack.name, "--table", attack.name, "--primary-key", "id", "--create-table", "--dry-run")
    by_alias, by_number = small.run(*ask), small.run(*ask, "--model-version", "1")

    assert (by_alias.returncode, by_number.returncode) == (1, 1)
    assert by_alias.stderr.splitlines()[0] == (
        f"error: Version 1 of `{attack.name}` is called the champion in MLflow, but Landfall did not promote it: it is not used."
    )
    told = "lies outside this project's artifacts; it is not read."
    if attack.where.startswith("s3://landfall/mlflow/"):
        told = "is a pickle that Landfall did not write; it is not loaded."
    assert by_number.stderr.splitlines()[0] == f"error: Version 1 of `{attack.name}` {told}"


def test_a_strangers_model_is_not_promoted_scored_with_or_judged(small: Stack, attack: Attack) -> None:
    from spark_jobs.scoring.predict import load_sklearn

    settings = small.settings
    found = version(settings, attack.name, "1")
    with connect(settings) as conn:
        with pytest.raises(ModelError, match="Landfall did not promote it: it is not used"):
            champion(settings, conn, attack.name)
        with pytest.raises(ModelError, match=r"it is not (read|loaded)\."):
            promote(settings, conn, attack.name, "1", expected=None, reason="r")
    with pytest.raises(ModelError, match=r"it is not (read|loaded)\."):
        scoring_options(settings, found)
    if attack.where.startswith("s3://landfall/mlflow/"):
        assert (
            str(judged_model(settings, found, found.path)) == f"{found.path}#scikit-learn"
        )  # no digest: the job loads nothing
    else:
        with pytest.raises(ModelError, match=r"it is not read\."):
            judged_model(settings, found, found.path)
    with pytest.raises(ModelError, match="is not the one that Landfall wrote; it was not loaded"):
        load_sklearn(pickle.dumps(Trap(attack.sprung)), "", found.path)
