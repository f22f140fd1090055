"""The one door to the jobs: `python -m spark_jobs NAME --option value ...`, without any server."""

import importlib
import os
import subprocess
import sys
from pathlib import Path

import pytest

from landfall.pipelines import PIPELINES, TABLE_MODELS
from landfall.spec import Job, Pipeline
from landfall.spec.jobs import JOBS
from spark_jobs.__main__ import parse
from spark_jobs.lake import Lake

PROJECT = Path(__file__).parents[2]
GIVEN_BY_THE_STEP = {
    "features": [],
    "train_model": ["--model", "s3a://lake/1/model/fitted", "--judged", "s3a://lake/1/judged", "--until", "2011-09-30"],
    "train_rows": ["--rows", "datasets/iris/0a1b.parquet", "--model", "s3a://lake/3/model/fitted"],
    "judge_models": [
        "--at-version",
        "3",
        "--challenger",
        "s3a://lake/2/judged#spark",
        "--champion",
        "s3a://lake/1/judged",
    ],
    "measure_drift": ["--reference", "s3a://lake/mlflow/1/reference.json"],
    "predictions": [
        *("--model", "s3a://lake/mlflow/1/model/sparkml", "--model-version", "7"),
        *("--stages", "2012-12-25=publications_data.bike_demand_20121225_1#1"),
    ],
    "rows": ["--stages", "2012-12-25=publications_data.bike_weather_20121225_3#3"],
    "errors": ["--stages", "2012-12-25=publications_data.bike_demand_errors_20121225_2#2"],
}
"""What a step adds when it runs, because only then it is known."""


def jobs_of(pipeline: Pipeline) -> list[Job]:
    """The jobs of its training, if it has one."""
    training = pipeline.training
    return [training.training, training.judging, training.drifting] if training else []


DECLARED = [
    pytest.param(job, id=f"{pipeline.name}-{name}-{job.name}")
    for pipeline in PIPELINES.values()
    for name, job in [
        *((feed.name, job) for feed in pipeline.feeds for job in (feed.features, feed.staging)),
        *(("training", job) for job in jobs_of(pipeline)),
    ]
] + [pytest.param(model.training, id=f"{model.name}-train_rows") for model in TABLE_MODELS.values()]


def door(*arguments: str) -> "subprocess.CompletedProcess[str]":
    """Runs `python -m spark_jobs ARGUMENTS` with no server named in its environment."""
    env = {name: value for name, value in os.environ.items() if not name.startswith(("LANDFALL_", "SPARK_", "AWS_"))}
    command = [sys.executable, "-m", "spark_jobs", *arguments]
    return subprocess.run(command, cwd=PROJECT, env=env, capture_output=True, text=True, check=False, timeout=300)


def test_an_unknown_job_is_named_with_the_nearest() -> None:
    told = door("feature", "--lake", "s3a://lake")
    assert (told.returncode, told.stdout) == (1, "")
    assert told.stderr == (
        f"There is no Spark job `feature`. Did you mean `features`?\n  looked: known: {', '.join(JOBS)}\n"
    )


def test_a_missing_option_is_named() -> None:
    told = door("errors", "--lake", "s3a://lake", "--features", "a.b/dt=2012-12-25")
    assert (told.returncode, told.stdout) == (2, "")
    assert told.stderr.splitlines()[-1] == (
        "python -m spark_jobs errors: error: the following arguments are required: --key, --predictions, --predicted, "
        "--actual, --stages"
    )


def test_a_malformed_partition_is_told_without_a_traceback() -> None:
    told = door("errors", "--lake", "s3a://lake", "--features", "a.b/dt=2012-12-32")
    assert (told.returncode, told.stdout) == (1, "")
    assert told.stderr == (
        "`2012-12-32` is not a partition.\n  looked: expected a day written YYYY-MM-DD, such as 2012-12-25\n"
    )


@pytest.mark.parametrize("flags", [(), ("--help",), ("-h",)])
def test_help_lists_every_job(flags: tuple[str, ...]) -> None:
    told = door(*flags)
    assert (told.returncode, told.stderr) == (0, "")
    assert told.stdout.startswith(
        "The one entry point to the Spark jobs: `python -m spark_jobs NAME --option value ...`."
    )
    assert [line.strip() for line in told.stdout.partition("Jobs:")[2].splitlines() if line.strip()] == list(JOBS)


@pytest.mark.parametrize("name", JOBS)
def test_a_jobs_help_is_its_docstring_and_options(name: str, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        parse([name, "--help"])
    told = " ".join(capsys.readouterr().out.split())
    assert ended.value.code == 0
    assert told.startswith(f"usage: python -m spark_jobs {name} [-h] --lake LAKE ")
    assert " ".join((importlib.import_module(JOBS[name].module).__doc__ or "").split()) in told


@pytest.mark.parametrize("job", DECLARED)
def test_the_command_line_of_every_declared_job_parses(job: Job) -> None:
    argv = [*job.argv(partition="2012-12-25"), *GIVEN_BY_THE_STEP[job.name], "--lake", "s3a://lake"]
    module, options = parse(argv)
    assert vars(module)["__name__"] == JOBS[job.name].module
    assert options.lake == Lake("s3a://lake")
    assert not [name for name, value in vars(options).items() if isinstance(value, str) and "{" in value]


@pytest.mark.parametrize("job", DECLARED)
def test_a_declared_option_that_the_job_does_not_know_is_refused(job: Job, capsys: pytest.CaptureFixture[str]) -> None:
    argv = [*job.argv(partition="2012-12-25", colour="red"), *GIVEN_BY_THE_STEP[job.name], "--lake", "s3a://lake"]
    with pytest.raises(SystemExit) as ended:
        parse(argv)
    assert ended.value.code == 2
    assert capsys.readouterr().err.splitlines()[-1] == (
        f"python -m spark_jobs {job.name}: error: unrecognized arguments: --colour red"
    )


def test_every_job_is_declared_by_a_pipeline_or_a_table_model() -> None:
    assert {parameter.values[0].name for parameter in DECLARED} == set(JOBS)
