"""What every training step shares: a run of MLflow that is started before the job and closed whatever becomes of it."""

from collections.abc import Mapping
from dataclasses import asdict
from typing import TYPE_CHECKING, Any, NoReturn

from airflow.sdk import Context

from landfall.orchestration.steps.spark_step import Json, SparkStep
from landfall.spec import Learner, Settings

if TYPE_CHECKING:
    from landfall.models.registry import ModelVersion, TrainingRun


class TracksTraining(SparkStep):
    """A step whose job fits a model. Its memo says which run of MLflow that is, of which model, with which tags."""

    def start(
        self, context: Context, settings: Settings, model: str, tags: Mapping[str, str]
    ) -> "tuple[TrainingRun, Json]":
        """A new run of MLflow, and the memo of a job that fits `model` into its folders."""
        from landfall.models.registry import start_training

        told = {"landfall.run_id": context["run_id"], **tags}
        run = start_training(settings, model, told)
        return run, {"run": asdict(run), "model": model, "tags": told}

    def register(self, settings: Settings, report: Json, memo: Mapping[str, Any], learner: Learner) -> "ModelVersion":
        """The version that the job's model has become: the challenger.

        Raises:
            ModelError: the registry failed; the run is closed.
        """
        from landfall.models.registry import TrainingRun, register

        run = TrainingRun(**memo["run"])
        try:
            return register(settings, run, memo["model"], report, memo["tags"], learner=learner.to_json())
        except BaseException:
            self.close(settings, memo)
            raise

    def give_up(self, context: Context, settings: Settings, error: BaseException, memo: Mapping[str, Any]) -> NoReturn:
        """Close the run of MLflow that gave no model."""
        self.close(settings, memo)
        raise error

    def close(self, settings: Settings, memo: Mapping[str, Any]) -> None:
        """Note in MLflow that the run has failed."""
        from landfall.models.registry import TrainingRun, fail

        fail(settings, TrainingRun(**memo["run"]))
