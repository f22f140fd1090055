"""What each target is sent for every Spark task of every DAG, beside a committed file, and read by the jobs' own parser.

LANDFALL_WRITE_SNAPSHOTS=1 python -m pytest tests/compute/test_payloads.py     writes the file again
"""

import importlib.util
import json
import os
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from landfall.compute.cluster.submission import submission
from landfall.compute.databricks.feed_job import argv_of
from landfall.compute.databricks.workspace import Workspace
from landfall.compute.emr.application import Application
from landfall.compute.target import Order
from landfall.errors import LandfallError
from landfall.spec import Settings
from spark_jobs.__main__ import parse

PROJECT = Path(__file__).parents[2]
SNAPSHOT = Path(__file__).with_name("payloads.json")
VARIABLES = {
    "LANDFALL_DATABASE_URL": "postgresql://landfall:password@db/landfall",
    "MLFLOW_TRACKING_URI": "postgresql://mlflow:password@db/mlflow",
    "LANDFALL_SPARK_JARS": "/opt/landfall/jars",
    "AWS_ACCESS_KEY_ID": "key",
    "AWS_SECRET_ACCESS_KEY": "password",
}
WORKSPACE = Workspace(
    wheel="/Volumes/main/landfall/wheels/landfall.whl",
    new_cluster={"spark_version": "17.3.x-scala2.13", "num_workers": 0},
    catalog="main",
)
APPLICATION = Application(
    application_id="00abc",
    execution_role_arn="arn:aws:iam::111122223333:role/landfall-jobs",
    entry_point="s3://code/landfall_job.py",
    py_files="s3://code/landfall.zip",
    secrets={"LANDFALL_DATABASE_URL": "landfall/database-url"},
)


def other(name: str) -> Any:
    """Another test's file: tests are no package."""
    path = PROJECT / "tests" / "spark_jobs" / name
    spec = importlib.util.spec_from_file_location(f"payloads_{path.stem}", path)
    assert spec
    assert spec.loader
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def orders() -> Iterator[tuple[str, Order]]:
    """An order for every Spark task: its command line as the UI renders it, and what its step adds when it runs."""
    lines, door = other("test_command_lines.py"), other("test_door.py")
    settings = Settings.read(VARIABLES)
    for path in sorted((PROJECT / "dags").glob("*.py")):
        for task in lines.spark_tasks(path):
            task.render_template_fields(lines.CONTEXTS["by its logical date"])
            name = f"landfall-{path.stem}-{task.task_id}-0123456789abcdef"
            argv = [*task.argv, *door.GIVEN_BY_THE_STEP[task.argv[0]]]
            report = f"{settings.lake}/_jobs/{name}.json"
            yield (
                f"{path.stem}.{task.task_id}",
                Order(settings=settings, argv=argv, small=task.small, report=report, name=name, token="landfall-token"),
            )


def payloads(order: Order, folder: Path) -> dict[str, Any]:
    """What each target is sent. What differs with every commit, or from machine to machine, has a word in its place."""
    what = submission(order, folder)
    return {
        "cluster": {
            "application": Path(what.application).name,
            "arguments": what.arguments,
            "py_files": re.sub(r"-[0-9a-f]{12}\.zip", "-DIGEST.zip", Path(what.py_files).name),
            "conf": what.conf,
            "environment": sorted(what.environment),
            "name": what.name,
        },
        "databricks": WORKSPACE.submitted(order),
        "emr": {"driver": APPLICATION.job_driver(order), "overrides": APPLICATION.configuration_overrides(order)},
    }


def arguments(payload: dict[str, Any]) -> dict[str, list[str]]:
    """The command line in each payload."""
    return {
        "cluster": payload["cluster"]["arguments"],
        "databricks": payload["databricks"]["tasks"][0]["python_wheel_task"]["parameters"],
        "emr": payload["emr"]["driver"]["sparkSubmit"]["entryPointArguments"],
    }


@pytest.fixture
def sent(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> dict[str, Any]:
    """Task -> what each target is sent for it."""
    monkeypatch.setattr("shutil.which", lambda name: f"/bin/{name}")
    return {task: payloads(order, tmp_path) for task, order in orders()}


def test_every_target_is_sent_what_was_agreed(sent: dict[str, Any]) -> None:
    # A command line is in the snapshot once a task: the targets' are the same, but for what the test below says.
    shown = json.loads(json.dumps(sent))
    for payload in shown.values():
        own = arguments(payload)
        payload["argv"] = list(own["cluster"])
        for words in own.values():
            words[:] = ["argv", *words[len(payload["argv"]) :]]
    now = json.dumps(shown, indent=1, sort_keys=True) + "\n"
    if os.environ.get("LANDFALL_WRITE_SNAPSHOTS"):
        SNAPSHOT.write_text(now, encoding="utf-8")
    assert now == SNAPSHOT.read_text(encoding="utf-8"), "to agree: see the head of this file"


def test_every_payload_is_read_by_the_jobs_own_parser(sent: dict[str, Any]) -> None:
    assert len(sent) >= 7
    for task, payload in sent.items():
        for target, words in arguments(payload).items():
            module, options = parse(words)
            assert vars(module)["__name__"].endswith(words[0])
            assert options.report.startswith(f"s3a://landfall/_jobs/landfall-{task.replace('.', '-')}"), target
            assert options.lake.catalog == ("main" if target == "databricks" else "")


def test_no_secret_is_in_any_payload(sent: dict[str, Any]) -> None:
    assert "password" not in json.dumps(sent).replace("secret|password|token", "")


def bundle() -> dict[str, Any]:
    """`databricks.yml` with a word for every variable."""
    text = (PROJECT / "databricks.yml").read_text(encoding="utf-8")
    told: dict[str, Any] = yaml.safe_load(re.sub(r"\$\{var\.(\w+)\}", r"\1", text))
    return told


@pytest.mark.parametrize("name", ["landfall", "landfall_feed"])
def test_the_bundles_jobs_are_what_the_official_sdk_would_create(name: str) -> None:
    from databricks.sdk.service import jobs  # takes seconds to import, so only what uses it does

    job = bundle()["resources"]["jobs"][name]
    job.pop("permissions")  # the bundle's own
    assert jobs.JobSettings.from_dict(job).as_dict() == job
    scripts = (PROJECT / "pyproject.toml").read_text(encoding="utf-8")
    wheel = job["tasks"][0]["python_wheel_task"]
    assert f'\n{wheel["entry_point"]} = "' in scripts
    assert job["tasks"][0]["job_cluster_key"] == job["job_clusters"][0]["job_cluster_key"]


def test_the_bundle_names_every_variable_that_it_uses() -> None:
    used = set(re.findall(r"\$\{var\.(\w+)\}", (PROJECT / "databricks.yml").read_text(encoding="utf-8")))
    assert used == set(bundle()["variables"])


def test_the_job_of_a_feed_runs_the_etl_of_the_partition_that_landed() -> None:
    told = {"feed": "bike_demand/forecast", "partition": "2012-12-25", "key": "x; rm -rf /"}
    parameters = bundle()["resources"]["jobs"]["landfall_feed"]["tasks"][0]["python_wheel_task"]["parameters"]
    words = [re.sub(r"\{\{job\.parameters\.(\w+)\}\}", lambda found: told[found[1]], each) for each in parameters]
    module, options = parse(argv_of(words, "my-landings"))
    assert vars(module)["__name__"] == "spark_jobs.etl.features"
    assert str(options.partitions) == "2012-12-25"
    assert options.lake.root == "s3a://my-landings"


@pytest.mark.parametrize(
    ("words", "what"),
    [
        (["feed=bike_demand/forecast"], "The parameter `partition` is missing."),
        (["feed=bike_demand/forecast", "partition=today"], "`today` is not a partition."),
        (["feed=bike_demand/forcast", "partition=2012-12-25"],
         "There is no feed of `bike_demand` `forcast`. Did you mean `forecast`?"),
        (["fed=bike_demand/forecast"], "There is no parameter `fed`. Did you mean `feed`?"),
    ],
)  # fmt: skip
def test_a_feeds_job_with_other_parameters_says_what_is_wrong(words: list[str], what: str) -> None:
    with pytest.raises(LandfallError) as refused:
        argv_of(words, "b")
    assert refused.value.what == what
