"""Pipeline: one reference system, declared once. Feeds land, a model learns, tables are published."""

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
    """One Spark job and its arguments.

    Args:
        name: The job's name at the door: `python -m spark_jobs NAME`; one of `landfall.spec.jobs.JOBS`.
        arguments: Option of that job -> value. A value may hold `{partition}`, which is the run's day.
        small: The job's rows are those of a partition or so: a warm server interprets its plans, which for a day of
            hours takes a third of the time that compiling them does.
        limit: How long it may take at most; then it is stopped, and tried again. Far more than it ever takes: what is over
            it hangs.
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
        """The names of the options that the job has."""
        return tuple(option.name for option in JOBS[self.name].options)

    def argv(self, *, partition: str, **more: str) -> list[str]:
        """The job's command line for one partition (or template of one), with `more` options at the end."""
        options = {**self.arguments, **{name.replace("_", "-"): value for name, value in more.items()}}
        flags = [[f"--{name}", value.replace("{partition}", partition)] for name, value in options.items()]
        return [self.name, *(word for flag in flags for word in flag)]


@dataclass(frozen=True, kw_only=True)
class Feed:
    """One kind of file that lands, and the table a run makes of it.

    Args:
        pipeline: Name of the pipeline that it belongs to.
        name: What the command line calls it: `PIPELINE/NAME`.
        dag_id: The DAG with one run a partition.
        ahead: Days before the partition's day that its run is created: 1 for a forecast, -1 for what is known afterwards.
        landing: Where its objects arrive.
        contract: What its rows promise.
        features_table: The Delta table `schema.name` of its features.
        quarantine_table: The Delta table of the rows that break the contract.
        etl: The job that turns what landed into features, with arguments of its own. The feed tells it what to read and
            to write, and the contract: see `features`.
        scoring: The job that fills the staging table of `table`, with arguments of its own. The feed tells it what to
            read: see `staging`.
        table: What the run publishes.
        held_against: The predictions that its rows are held against; None for a feed that publishes predictions.
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
        self.features, self.staging  # noqa: B018  (their arguments are checked now, not when a DAG is read)

    @property
    def full_name(self) -> str:
        """What the command line and the ledger call it: `PIPELINE/NAME`."""
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
        """The scoring job with all its arguments but for what is known only when it runs: the model and the stages."""
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
        model: The registered name, and the MLflow experiment's.
        feed: The feed whose features it learns from.
        learner: What the model is made of.
        freshness: When it is trained again, what it must show, what follows.
        limit: How long a fit may take at most, and how long the making of the features that it still lacks.
    """

    dag_id: str
    model: str
    feed: Feed
    learner: Learner
    freshness: Freshness = field(default_factory=Freshness)
    limit: timedelta = timedelta(hours=2)

    @property
    def pipeline(self) -> str:
        """The name of the pipeline whose model it makes."""
        return self.feed.pipeline

    @property
    def training(self) -> Job:
        """The job that fits the model, on every partition of the feature table."""
        arguments = {**self._table, "learner": self.learner.to_json()}
        return Job(name="train_model", arguments=arguments, small=False, limit=self.limit)

    @property
    def collecting(self) -> Job:
        """The job that makes the features of every day that has landed and has none yet."""
        return replace(self.feed.features, limit=self.limit)

    @property
    def judging(self) -> Job:
        """The job that holds a challenger against the champion on some partitions."""
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
            SpecError: there is none; the message names the nearest.
        """
        for feed in self.feeds:
            if feed.name == name:
                return feed
        raise SpecError.unknown(f"feed of `{self.name}`", name, [feed.name for feed in self.feeds])
