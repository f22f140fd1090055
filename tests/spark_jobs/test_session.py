"""The session of a job with a process of its own: what it reads from a Databricks secret scope."""

import os
import sys
from collections.abc import Iterator
from types import ModuleType, SimpleNamespace

import pytest

from landfall.errors import ComputeError
from spark_jobs.session import take_secrets

KEPT = {"LANDFALL_DATABASE_URL": "postgresql://from-the-scope", "AWS_DEFAULT_REGION": "eu-north-1", "OTHER": "no job's"}


@pytest.fixture
def environment(monkeypatch: pytest.MonkeyPatch) -> Iterator[pytest.MonkeyPatch]:
    """An environment with a region and nothing else of a job's; as it was, afterwards."""
    before = dict(os.environ)
    for name in ("LANDFALL_DATABASE_URL", "LANDFALL_S3_ENDPOINT", "AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("AWS_DEFAULT_REGION", "us-east-1")
    yield monkeypatch
    os.environ.clear()
    os.environ.update(before)


def scope_of(monkeypatch: pytest.MonkeyPatch, scope: str) -> None:
    """What a Databricks runtime offers, as far as it is asked for; no workspace is to be had."""

    def listed(name: str) -> list[SimpleNamespace]:
        if name != scope:
            raise PermissionError(f"Secret Scope {name} does not exist!")
        return [SimpleNamespace(key=key) for key in KEPT]

    runtime = ModuleType("databricks.sdk.runtime")
    secrets = SimpleNamespace(list=listed, get=lambda name, key: KEPT[key])
    runtime.dbutils = SimpleNamespace(secrets=secrets)  # type: ignore[attr-defined]
    monkeypatch.setitem(sys.modules, "databricks.sdk.runtime", runtime)


def test_what_a_job_lacks_is_taken_from_the_scope_and_what_it_has_stays(environment: pytest.MonkeyPatch) -> None:
    scope_of(environment, "landfall")
    take_secrets("landfall")
    assert os.environ["LANDFALL_DATABASE_URL"] == "postgresql://from-the-scope"
    assert os.environ["AWS_DEFAULT_REGION"] == "us-east-1"
    assert "OTHER" not in os.environ


def test_a_scope_that_cannot_be_read_is_named(environment: pytest.MonkeyPatch) -> None:
    scope_of(environment, "landfall")
    with pytest.raises(ComputeError) as refused:
        take_secrets("landfal")
    assert str(refused.value) == (
        "The secrets of the scope `landfal` could not be read.\n"
        "  looked: PermissionError: Secret Scope landfal does not exist!\n"
        "  left: nothing was written\n"
        "  next: give the run's principal READ on the scope (docs/compute/databricks.md)"
    )
