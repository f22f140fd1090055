"""What a step reads and writes, as OpenLineage names it: light values, which a DAG file may import.

`of_steps` makes them for each step, `provider` hands them to Airflow, and `events` makes OpenLineage's own classes of them.

Names follow OpenLineage's naming specification (https://openlineage.io/docs/spec/naming). A dataset is a whole feed or
table; which of its partitions a run touched is a facet of the event, for else every day would be a dataset of its own. The
specification has no name for a registered model: it is `models:/NAME/VERSION`, MLflow's own, in the namespace `mlflow`.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Literal

from landfall.spec import Landing, Partition, PredictionTable, RowsFile, Settings

MODELS = "mlflow"
"""The namespace of registered models."""


@dataclass(frozen=True, kw_only=True)
class Dataset:
    """One dataset of an event.

    Args:
        namespace: The data source, such as `s3://bucket` or `postgres://host:port`.
        name: Unique in the namespace.
        kind: One of OpenLineage's dataset types.
        version: Of a Delta table, of a model, or the publication's number.
        days: Which partitions: days or ranges of days; empty: not known, or all.
        day_column: The column that holds the day; empty where a partition is a folder, and `days` are folders.
        rows: How many were read or written.
        files: How many were read or written.
        columns: Column -> type, where it is declared.
    """

    namespace: str
    name: str
    kind: Literal["FILE", "TABLE", "MODEL"]
    version: str = ""
    days: tuple[str, ...] = ()
    day_column: str = ""
    rows: int | None = None
    files: int | None = None
    columns: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, kw_only=True)
class Lineage:
    """What one try of a step read and wrote, and for what.

    Args:
        inputs: What it reads. Told when it starts and when it ends.
        outputs: What it wrote: nothing before it has succeeded.
        feed: PIPELINE/FEED; of a table model its name.
        partition: The run's partition.
        model_version: The version that was trained, promoted or scored with; of measured errors, all that made them.
        publication: The number of the publication.
    """

    inputs: tuple[Dataset, ...] = ()
    outputs: tuple[Dataset, ...] = ()
    feed: str = ""
    partition: str = ""
    model_version: str = ""
    publication: str = ""


def landed_objects(settings: Settings, landing: Landing, days: str = "", *, files: int | None = None) -> Dataset:
    """The objects of a feed, in the partitions written as `days` (`2011-01-01..2011-09-30,2011-10-02`)."""
    folders = tuple(_folder(landing, *each.split("..")) for each in days.split(",") if each)
    return Dataset(namespace=f"s3://{settings.s3.bucket}", name=landing.prefix, kind="FILE", days=folders, files=files)


def _folder(landing: Landing, first: str, *last: str) -> str:
    return "..".join((landing.folder(Partition.parse(first)).rstrip("/"), *last))


def delta_table(
    settings: Settings, table: str, days: str = "", *, rows: int | None = None, version: str = ""
) -> Dataset:
    """The Delta table `schema.name`, where it lies in the lake."""
    return Dataset(
        namespace=f"s3://{settings.s3.bucket}",
        name=table.replace(".", "/"),
        kind="TABLE",
        version=version,
        days=tuple(filter(None, days.split(","))),
        day_column="dt",
        rows=rows,
    )


def rows_file(settings: Settings, file: RowsFile) -> Dataset:
    """What a table model learns from: the dataset is its folder, the version the file's content."""
    folder, _, _ = file.key.rpartition("/")
    return Dataset(
        namespace=f"s3://{settings.s3.bucket}", name=folder, kind="FILE", version=file.sha256, rows=file.rows, files=1
    )


def prediction_table(
    settings: Settings, table: PredictionTable, day: str = "", *, rows: int | None = None, publication: str = ""
) -> Dataset:
    """What applications read, in Postgres."""
    return _postgres(settings, table.name, table, day, rows, publication)


def staging_table(
    settings: Settings, table: PredictionTable, day: str = "", *, rows: int | None = None, publication: str = ""
) -> Dataset:
    """What a publication of `table` is staged in. Every publication has a table of its own; they share this name."""
    from landfall.publishing.schema import DATA_SCHEMA

    return _postgres(settings, f"{DATA_SCHEMA}.{table.name.partition('.')[2]}", table, day, rows, publication)


def _postgres(
    settings: Settings, name: str, table: PredictionTable, day: str, rows: int | None, publication: str
) -> Dataset:
    return replace(
        database_table(settings, name),
        version=publication,
        days=(day,) if day else (),
        day_column="partition",
        rows=rows,
        columns=table.columns,
    )


def database_table(settings: Settings, name: str) -> Dataset:
    """A table `schema.table` in Postgres."""
    from landfall.database import address

    server, _, database = address(settings.database_url).partition("/")
    return Dataset(namespace=f"postgres://{server}", name=f"{database}.{name}", kind="TABLE")


def model_version(model: str, version: str) -> Dataset:
    """One version of a registered model."""
    return Dataset(namespace=MODELS, name=f"models:/{model}/{version}", kind="MODEL", version=version)
