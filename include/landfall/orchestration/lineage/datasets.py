"""What a step reads and writes, under OpenLineage's names. These are light values, so a DAG file may import this module.

`of_steps` makes them for each step, `events` turns them into OpenLineage's own classes, and `provider` gives those to Airflow.

Names follow OpenLineage's naming specification (https://openlineage.io/docs/spec/naming). A dataset is a whole feed or a whole
table. The partitions that a run touched are a facet of the event: otherwise every day would be a dataset of its own. The
specification has no name for a registered model. Here it is MLflow's own, `models:/NAME/VERSION`, in the namespace `mlflow`.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Literal

from landfall.spec import Landing, Partition, PredictionTable, RowsFile, Settings

MODELS = "mlflow"
"""The namespace of registered models."""


@dataclass(frozen=True, kw_only=True)
class Dataset:
    """A dataset of an event.

    Args:
        namespace: The data source, such as `s3://bucket` or `postgres://host:port`.
        name: A name that is unique in the namespace.
        kind: One of OpenLineage's dataset types.
        version: The version of a Delta table, a model or a file, or the number of a publication; empty: not known.
        days: The partitions, as days or ranges of days; empty: not known, or all.
        day_column: The column that holds the day. Empty if a partition is a folder; then `days` are folders.
        rows: The number of rows read or written; None: not known.
        files: The number of files read or written; None: not known.
        columns: Column -> type, if the columns are declared.
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
    """What one try of a step read and wrote, and what it was for.

    Args:
        inputs: What the step reads. It is reported when the step starts and when it ends.
        outputs: What the step wrote. It is empty until the step has succeeded.
        feed: PIPELINE/FEED, or the name of a table model.
        partition: The run's partition.
        model_version: The version that was trained, promoted or used for scoring. For measured errors: all versions that made
            the predictions.
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
    folders = tuple(_folder(landing, *span.split("..")) for span in days.split(",") if span)
    return Dataset(namespace=f"s3://{settings.s3.bucket}", name=landing.prefix, kind="FILE", days=folders, files=files)


def _folder(landing: Landing, first: str, *last: str) -> str:
    return "..".join((landing.folder(Partition.parse(first)).rstrip("/"), *last))


def delta_table(
    settings: Settings, table: str, days: str = "", *, rows: int | None = None, version: str = ""
) -> Dataset:
    """The Delta table `schema.name`, named by its place in the lake."""
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
    """The rows that a table model learns from. The dataset is the file's folder; the version is the digest of its content."""
    folder, _, _ = file.key.rpartition("/")
    return Dataset(
        namespace=f"s3://{settings.s3.bucket}", name=folder, kind="FILE", version=file.sha256, rows=file.rows, files=1
    )


def prediction_table(
    settings: Settings, table: PredictionTable, day: str = "", *, rows: int | None = None, publication: str = ""
) -> Dataset:
    """The Postgres table that applications read."""
    return _postgres(settings, table.name, table, day, rows, publication)


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
    """The table `schema.table` in Postgres."""
    from landfall.database import address

    server, _, database = address(settings.database_url).partition("/")
    return Dataset(namespace=f"postgres://{server}", name=f"{database}.{name}", kind="TABLE")


def model_version(model: str, version: str) -> Dataset:
    """A version of a registered model."""
    return Dataset(namespace=MODELS, name=f"models:/{model}/{version}", kind="MODEL", version=version)
