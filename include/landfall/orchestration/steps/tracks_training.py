"""What every training step shares: a run of MLflow, which is started before the job and closed whatever happens to it."""

from collections.abc import Mapping
from dataclasses import asdict
from typing import TYPE_CHECKING, Any, NoReturn, TypeVar

from airflow.sdk import Context

from landfall.json_values import Json
from landfall.orchestration.steps.spark_step import SparkStep
from landfall.spec import Learner, Settings
from landfall.spec.training_reports import FittedReport

if TYPE_CHECKING:
    from landfall.models.registry import ModelVersion, TrainingRun


Fitted = TypeVar("Fitted", bound=FittedReport)


class TracksTraining(SparkStep):
    """A step whose job fits a model. Its memo holds the run of MLflow, the model and the tags."""

    def start(
        self, context: Context, settings: Settings, model: str, tags: Mapping[str, str]
    ) -> "tuple[TrainingRun, Json]":
        """A new run of MLflow, and the memo for a job that fits `model` into the run's folders."""
        from landfall.models.registry import start_training

        run_tags = {"landfall.run_id": context["run_id"], **tags}
        run = start_training(settings, model, run_tags)
        return run, {"run": asdict(run), "model": model, "tags": run_tags}

    def register(
        self, settings: Settings, kind: type[Fitted], report: Json, memo: Mapping[str, Any], learner: Learner
    ) -> "tuple[ModelVersion, Fitted]":
        """The new version, which is the challenger, made of the model that the job has fitted.

        Raises:
            ModelError: the registry failed; the run was closed.
        """
        from landfall.models.registry import TrainingRun, register

        run = TrainingRun(**memo["run"])
        try:
            fitted = kind.of(report)
            version = register(settings, run, memo["model"], fitted, memo["tags"], learner=learner.to_json())
            return version, fitted
        except BaseException:
            self.close(settings, memo)
            raise

    def give_up(self, context: Context, settings: Settings, error: BaseException, memo: Mapping[str, Any]) -> NoReturn:
        """Closes the run of MLflow, which gave no model."""
        self.close(settings, memo)
        raise error

    def close(self, settings: Settings, memo: Mapping[str, Any]) -> None:
        """Notes in MLflow that the run has failed."""
        from landfall.models.registry import TrainingRun, fail

        fail(settings, TrainingRun(**memo["run"]))
