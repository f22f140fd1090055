"""A pipeline declares one reference system: feeds land, a model learns from them, and tables are published."""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import timedelta

from landfall.errors import SpecError
from landfall.spec.contract import Contract
from landfall.spec.jobs import JOBS
from landfall.spec.joined import Joined, joined_to_json
from landfall.spec.landing import Landing
from landfall.spec.learner import Learner
from landfall.spec.partition import Partition, Partitions
from landfall.spec.retraining import Freshness
from landfall.spec.tables import PredictionTable
from landfall.spec.transform import Transform


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
        ahead: How many partitions before the partition its run is created: 1 for a forecast, which starts waiting one day ahead
            if partitions are days; -1 for data that is known afterwards.
        landing: Where its objects arrive.
        contract: What its rows promise.
        features_table: The Delta table `schema.name` of its features.
        quarantine_table: The Delta table of the rows that break the contract.
        transform: The function that turns good rows into features; None if the good rows are the features.
        table: The table that the run publishes.
        model: The registered model whose predictions of the features are published; empty for a feed without a model.
        held_against: The prediction table that its rows are compared with; the errors are published.
        label: With `held_against`: the column of its features that holds what really happened.
        small: `Job.small` of its ETL job.
        limit: `Job.limit` of its ETL job.

    A feed with neither `model` nor `held_against` publishes its features themselves.
    """

    pipeline: str
    name: str
    dag_id: str
    ahead: int
    landing: Landing
    contract: Contract
    features_table: str
    quarantine_table: str
    table: PredictionTable
    transform: Transform | None = None
    model: str = ""
    held_against: PredictionTable | None = None
    label: str = ""
    small: bool = True
    limit: timedelta = timedelta(minutes=15)

    def __post_init__(self) -> None:
        object.__setattr__(self, "landing", replace(self.landing, feed=self.full_name))
        for published in filter(None, (self.table, self.held_against)):
            if published.calendar != self.landing.calendar:
                raise SpecError(
                    f"Feed `{self.full_name}` cannot publish {self.landing.calendar} in `{published.name}`.",
                    looked=f"PredictionTable.calendar is {published.calendar}",
                )
        self.contract.check_landing(self.landing)
        for table in (self.features_table, self.quarantine_table):
            if not re.fullmatch(r"[a-z_][a-z0-9_]*\.[a-z_][a-z0-9_]*", table):
                raise SpecError(
                    f"Feed `{self.full_name}` cannot write to `{table}`.", looked="expected schema.table, lower case"
                )
        for joined in self.joined.values():
            if joined.table.name == self.table.name and not joined.until:
                raise SpecError(
                    f"Feed `{self.full_name}` joins `{self.table.name}`, which it publishes itself.",
                    looked="Joined.until is 0: a partition would wait for itself",
                    next="join earlier partitions only: Joined(since=1, until=1)",
                )
        if self.model and self.held_against:
            raise SpecError(f"Feed `{self.full_name}` has both a model and a table that it is held against.")
        if bool(self.held_against) != bool(self.label):
            raise SpecError(f"Feed `{self.full_name}` needs both held_against and label, or neither.")
        self.features, self.staging  # noqa: B018  (checks their arguments now, and not only when a DAG file is read)

    @property
    def full_name(self) -> str:
        """The feed's name on the command line and in the ledger: `PIPELINE/NAME`."""
        return f"{self.pipeline}/{self.name}"

    @property
    def joined(self) -> Mapping[str, Joined]:
        """The published tables that its transform joins, by the name of the parameter that gets their rows."""
        return self.transform.tables if self.transform else {}

    def needs(self, partition: Partition) -> dict[str, Partitions]:
        """The partitions of other tables that must be published before `partition` can be made: `schema.table` -> partitions."""
        needed: dict[str, set[Partition]] = {}
        for joined in self.joined.values():
            needed.setdefault(joined.table.name, set()).update(joined.needs(partition, self.landing.calendar))
        return {table: Partitions.of(partitions) for table, partitions in needed.items()}

    @property
    def features(self) -> Job:
        """The ETL job with all its arguments."""
        arguments = {
            "landing": self.landing.place_json(),
            "partitions": "{partition}",
            "features": f"{self.features_table}/dt={{partition}}",
            "quarantine": f"{self.quarantine_table}/dt={{partition}}",
            "contract": self.contract.to_json(),
        }
        if self.transform:
            arguments |= {"transform": self.transform.function, "arguments": self.transform.arguments_json()}
        if self.joined:
            arguments["tables"] = joined_to_json(self.joined)
        return Job(name="features", arguments=arguments, small=self.small, limit=self.limit)

    @property
    def staging(self) -> Job:
        """The job that fills the staging table of `table`. Model and stages are missing: they are known only when it runs."""
        features, table = f"{self.features_table}/dt={{partition}}", self.table
        if self.model:
            arguments = {"key": ",".join(table.key), "predicted": table.value}
            return Job(name="predictions", arguments={"features": features, **arguments})
        if against := self.held_against:
            arguments = {"key": ",".join(against.key), "predicted": against.value, "actual": self.label}
            return Job(name="errors", arguments={"features": features, "predictions": against.name, **arguments})
        return Job(name="rows", arguments={"features": features, "columns": ",".join(table.columns)})


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
        zone = {} if self.feed.landing.timezone == "UTC" else {"timezone": self.feed.landing.timezone}
        arguments = {**self._table, "learner": self.learner.to_json(), **zone}
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
    """A reference system: its feeds, the training of its model if it has one, and the table that `lookup` reads.

    Args:
        name: Its name on the command line.
        feeds: Its feeds, at least one.
        table: The table that `lookup` reads: the predictions, or without a model what one of the feeds publishes.
        training: How its model is made and kept fresh; None for a pipeline without a model.
    """

    name: str
    feeds: tuple[Feed, ...]
    table: PredictionTable
    training: Training | None = None

    def __post_init__(self) -> None:
        for feed in self.feeds:
            if feed.pipeline != self.name:
                raise SpecError(
                    f"Feed `{feed.full_name}` is not one of the pipeline `{self.name}`.",
                    looked=f"Feed.pipeline is `{feed.pipeline}`",
                )
            model = self.training.model if self.training else ""
            if feed.model and feed.model != model:
                raise SpecError(
                    f"Feed `{feed.full_name}` is scored by `{feed.model}`, which its pipeline does not train.",
                    looked=f"Pipeline.training: {model or 'none'}",
                )
        if self.table not in [feed.table for feed in self.feeds]:
            raise SpecError(
                f"No feed of `{self.name}` publishes `{self.table.name}`.",
                looked=f"they publish {', '.join(feed.table.name for feed in self.feeds)}",
            )

    @property
    def dag_ids(self) -> tuple[str, ...]:
        """Its DAGs: one for each feed, and one that trains if it has a model."""
        training = (self.training.dag_id,) if self.training else ()
        return (*training, *(feed.dag_id for feed in self.feeds))

    @property
    def trained(self) -> Training:
        """How its model is made.

        Raises:
            SpecError: it has no model.
        """
        if self.training is None:
            raise SpecError(
                f"The pipeline `{self.name}` has no model.",
                looked="its declaration",
                next=f"landfall status {self.name}",
            )
        return self.training

    def feed(self, name: str) -> Feed:
        """The feed called `name`.

        Raises:
            SpecError: there is no such feed. The message names the one with the nearest name.
        """
        for feed in self.feeds:
            if feed.name == name:
                return feed
        raise SpecError.unknown(f"feed of `{self.name}`", name, [feed.name for feed in self.feeds])
