"""Chooses the target that runs a job. The configuration decides, not the DAG."""

from typing import Literal, cast, get_args

from landfall.errors import SettingsError
from landfall.pipelines import PIPELINES
from landfall.spec import Settings
from landfall.spec.jobs import JOBS
from landfall.spec.settings import COMPUTE

Target = Literal["local", "cluster", "databricks", "emr"]
TARGETS = list(get_args(Target))


def target_of(settings: Settings, pipeline: str, job: str) -> Target:
    """The target where `job` of `pipeline` runs: that of the job, else of the pipeline, else of all jobs, else this machine.

    Raises:
        SettingsError: a variable names a target that does not exist, or something that is neither a job nor a pipeline.
    """
    for name, target in settings.compute.items():
        variable = f"{COMPUTE}_{name.upper()}" if name else COMPUTE
        if target not in TARGETS:
            raise SettingsError.unknown(f"compute target (setting `{variable}`)", target, TARGETS)
        if name and name not in JOBS and name not in PIPELINES:
            known = [*PIPELINES, *JOBS]
            raise SettingsError.unknown(f"pipeline or job (setting `{variable}`)", name, known)
    chosen = settings.compute.get(job) or settings.compute.get(pipeline) or settings.compute.get("") or "local"
    return cast(Target, chosen)
