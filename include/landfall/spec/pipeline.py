"""A pipeline declares one reference system: feeds land, a model learns from them, and tables are published."""

import re
from dataclasses import dataclass, field, replace
from datetime import timedelta

from landfall.errors import SpecError
from landfall.spec.contract import Contract
from landfall.spec.jobs import JOBS
from landfall.spec.landing import Landing
from landfall.spec.learner import Learner
from landfall.spec.retraining import Freshness
from landfall.spec.tables import PredictionTable


@dataclass(frozen=True, kw_only=True)
class Job:
    """A Spark job and its arguments.

    Args:
        name: The job's name in `landfall.spec.jobs.JOBS`, which `python -m spark_jobs NAME` takes.
        arguments: Option of the job -> value. A value may hold `{partition}`, which stands for the run's day.
        small: True if the job has about one partition's rows. A warm server then interprets its plans: for a day of hours that
            takes a third of the time of compiling them.
        limit: The longest time that the job may take. Then it is stopped and tried again. It is far longer than the job ever
            takes, so a job that exceeds it hangs.
    """

    name: str
    arguments: dict[str, str] = field(default_factory=dict)
    small: bool = True
    limit: timedelta = timedelta(minutes=15)

    def __post_init__(self) -> None:
        if self.name not in JOBS:
            raise SpecError.unknown("Spark job", self.name, list(JOBS))
        for name in self.arguments:
            if name not in self.options:
                raise SpecError.unknown(f"option of the Spark job `{self.name}`", name, list(self.options))
        if self.limit <= timedelta(0):
            raise SpecError(f"Job.limit of `{self.name}` is {self.limit}.", looked="expected a time over 0")

    @property
    def options(self) -> tuple[str, ...]:
        """The names of the job's options."""
        return tuple(option.name for option in JOBS[self.name].options)

    def argv(self, *, partition: str, **more: str) -> list[str]:
        """The job's command line for a partition, or for a template of one, with `more` options at its end."""
        options = {**self.arguments, **{name.replace("_", "-"): value for name, value in more.items()}}
        flags = [[f"--{name}", value.replace("{partition}", partition)] for name, value in options.items()]
        return [self.name, *(word for flag in flags for word in flag)]


@dataclass(frozen=True, kw_only=True)
class Feed:
    """One kind of file that lands, and the table that a run makes from it.

    Args:
        pipeline: The name of its pipeline.
        name: Its name in the pipeline. The command line calls the feed `PIPELINE/NAME`.
        dag_id: The DAG, which has one run for each partition.
        ahead: The number of days before the partition's day on which its run is created: 1 for a forecast, -1 for data that is
            known afterwards.
        landing: Where its objects arrive.
        contract: What its rows promise.
        features_table: The Delta table `schema.name` of its features.
        quarantine_table: The Delta table of the rows that break the contract.
        etl: The job that turns landed rows into features, with the arguments that only it has. The feed adds the contract and
            the places to read and write: see `features`.
        scoring: The job that fills the staging table of `table`, with the arguments that only it has. The feed adds the place to
            read: see `staging`.
        table: The table that the run publishes.
        held_against: The prediction table that its rows are compared with; None for a feed that publishes predictions.
    """

    pipeline: str
    name: str
    dag_id: str
    ahead: int
    landing: Landing
    contract: Contract
    features_table: str
    quarantine_table: str
    etl: Job
    scoring: Job
    table: PredictionTable
    held_against: PredictionTable | None = None

    def __post_init__(self) -> None:
        object.__setattr__(self, "landing", replace(self.landing, feed=self.full_name))
        if self.landing.hourly or self.landing.timezone != "UTC":
            raise SpecError(
                f"Feed `{self.name}` cannot publish what lands by `{self.landing.folder_format}` in "
                f"{self.landing.timezone}.",
                looked=f"`{self.table.name}` is published by the UTC day; hours and other zones can be waited for",
            )
        for table in (self.features_table, self.quarantine_table):
            if not re.fullmatch(r"[a-z_][a-z0-9_]*\.[a-z_][a-z0-9_]*", table):
                raise SpecError(
                    f"Feed `{self.full_name}` cannot write to `{table}`.", looked="expected schema.table, lower case"
                )
        self.features, self.staging  # noqa: B018  (checks their arguments now, and not only when a DAG file is read)

    @property
    def full_name(self) -> str:
        """The feed's name on the command line and in the ledger: `PIPELINE/NAME`."""
        return f"{self.pipeline}/{self.name}"

    @property
    def features(self) -> Job:
        """The ETL job with all its arguments."""
        return self._with(
            self.etl,
            landed=f"{self.landing.prefix}/dt={{partition}}",
            features=f"{self.features_table}/dt={{partition}}",
            quarantine=f"{self.quarantine_table}/dt={{partition}}",
            contract=self.contract.to_json(),
        )

    @property
    def staging(self) -> Job:
        """The scoring job with all arguments except the model and the stages, which are known only when it runs."""
        against = {"predictions": self.held_against.name} if self.held_against else {}
        return self._with(self.scoring, features=f"{self.features_table}/dt={{partition}}", **against)

    def _with(self, job: Job, **arguments: str) -> Job:
        if given := sorted(set(job.arguments) & set(arguments)):
            raise SpecError(
                f"Job.arguments of `{job.name}` cannot say `{given[0]}`.",
                looked=f"the feed `{self.full_name}` says: {', '.join(arguments)}",
            )
        return replace(job, arguments={**arguments, **job.arguments})


@dataclass(frozen=True, kw_only=True)
class Training:
    """How a pipeline's model is made and kept fresh.

    Args:
        dag_id: The DAG that trains.
        model: The name of the registered model, and of the MLflow experiment.
        feed: The feed whose features it learns from.
        learner: How the model is made.
        freshness: When the model is trained again, what a new version must show, and what follows.
        limit: The longest time that a fit may take. The job that makes missing features before it may take as long.
    """

    dag_id: str
    model: str
    feed: Feed
    learner: Learner
    freshness: Freshness = field(default_factory=Freshness)
    limit: timedelta = timedelta(hours=2)

    @property
    def pipeline(self) -> str:
        """The name of the pipeline that the model belongs to."""
        return self.feed.pipeline

    @property
    def training(self) -> Job:
        """The job that fits the model, on every partition of the feature table."""
        arguments = {**self._table, "learner": self.learner.to_json()}
        return Job(name="train_model", arguments=arguments, small=False, limit=self.limit)

    @property
    def collecting(self) -> Job:
        """The job that makes the features of every day that has landed and has no features yet."""
        return replace(self.feed.features, limit=self.limit)

    @property
    def judging(self) -> Job:
        """The job that compares a challenger with the champion on some partitions."""
        slices = ",".join(self.freshness.gate.slices)
        arguments = {**self._table, "learner": self.learner.to_json(), "slices": slices}
        return Job(name="judge_models", arguments=arguments, limit=timedelta(minutes=30))

    @property
    def drifting(self) -> Job:
        """The job that measures how far features have drifted, over some partitions."""
        return Job(name="measure_drift", arguments=self._table, limit=timedelta(minutes=30))

    @property
    def _table(self) -> dict[str, str]:
        return {"features": f"{self.feed.features_table}/dt={{partition}}"}


@dataclass(frozen=True, kw_only=True)
class Pipeline:
    """A reference system: its feeds, its training, and the table that `lookup` reads."""

    name: str
    feeds: tuple[Feed, ...]
    training: Training
    predictions: PredictionTable
    predicted: str
    """The column of `predictions` that holds the prediction."""

    def __post_init__(self) -> None:
        for feed in self.feeds:
            if feed.pipeline != self.name:
                raise SpecError(
                    f"Feed `{feed.full_name}` is not one of the pipeline `{self.name}`.",
                    looked=f"Feed.pipeline is `{feed.pipeline}`",
                )
            if feed.table != self.predictions and feed.held_against != self.predictions:
                against = feed.held_against.name if feed.held_against else "nothing"
                raise SpecError(
                    f"Feed `{feed.full_name}` publishes no predictions, and is held against {against}.",
                    looked=f"expected Feed.table or Feed.held_against to be `{self.predictions.name}`",
                )

    def feed(self, name: str) -> Feed:
        """The feed called `name`.

        Raises:
            SpecError: there is no such feed. The message names the one with the nearest name.
        """
        for feed in self.feeds:
            if feed.name == name:
                return feed
        raise SpecError.unknown(f"feed of `{self.name}`", name, [feed.name for feed in self.feeds])
