"""A version of a registered model, and the snapshot that it learnt from, as the registry's tags hold them."""

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any, Self

from landfall.errors import LandfallError
from landfall.pipelines import PIPELINES
from landfall.spec import Partition, Partitions, RowsFile
from landfall.spec.learner import Library

CHAMPION, CHALLENGER = "champion", "challenger"
FITTED, JUDGED, REFERENCE = "fitted", "judged", "reference.json"
"""In a run's artifacts: the model (`model/fitted`), its sibling fitted without the held-out partitions, and drift's reference."""
OLDER = "sparkml"
"""The name of the folder `FITTED` before versions had a tag for their library."""
LONGEST_RUN_TAG = 8000
"""The most characters that MLflow takes as a tag of a run; a version's tag may have 100,000."""


@dataclass(frozen=True, kw_only=True)
class Snapshot:
    """The exact rows behind a version.

    Args:
        table: The feature table.
        version: The table's Delta version.
        first: The first partition.
        last: The last partition: the version has learnt from nothing later.
        days: The number of partitions.
        partitions: All of them.
        judged_until: The last partition that the judged sibling has learnt from; None if there is no sibling.
        rows: The number of rows; None if the version does not say.
    """

    table: str
    version: int
    first: Partition
    last: Partition
    days: int
    partitions: Partitions
    judged_until: Partition | None = None
    rows: int | None = None

    @classmethod
    def of(cls, fields: Mapping[str, Any], *, rows: int | None = None) -> Self:
        """The snapshot from a training's report or an older version's tags. Without `partitions`: every one from first to last.

        Raises:
            KeyError, ValueError, LandfallError: `fields` holds no snapshot.
        """
        first, last = Partition.parse(fields["first"]), Partition.parse(fields["last"])
        text, until = fields.get("partitions"), fields.get("judged_until")
        rows_text = fields.get("rows", rows)
        return cls(
            table=str(fields["table"]),
            version=int(fields["version"]),
            first=first,
            last=last,
            days=int(fields["days"]),
            partitions=Partitions.parse(text) if text else Partitions.between(first, last),
            judged_until=Partition.parse(until) if until else None,
            rows=None if rows_text is None else int(rows_text),
        )

    @classmethod
    def of_tags(cls, tags: Mapping[str, str]) -> Self | None:
        """The snapshot in the tags of a version, including versions that an older Landfall registered; None without such tags."""
        try:
            if text := tags.get("landfall.snapshot"):
                return cls.of(json.loads(text))
            older = {key.removeprefix("snapshot."): text for key, text in tags.items() if key.startswith("snapshot.")}
            return cls.of(older) if older else None
        except (KeyError, ValueError, TypeError, LandfallError):
            return None

    def as_dict(self) -> dict[str, object]:
        """The snapshot for JSON; `of` reads it back."""
        return {
            "table": self.table,
            "version": self.version,
            "first": str(self.first),
            "last": str(self.last),
            "days": self.days,
            "partitions": str(self.partitions),
            "judged_until": str(self.judged_until) if self.judged_until else None,
            "rows": self.rows,
        }

    @property
    def version_tag(self) -> str:
        """The snapshot as a tag of a version."""
        return json.dumps(self.as_dict())

    @property
    def run_tag(self) -> str:
        """The snapshot as a tag of a run; without its partitions if they are too many for one tag."""
        whole = self.version_tag
        return whole if len(whole) <= LONGEST_RUN_TAG else json.dumps({**self.as_dict(), "partitions": None})


@dataclass(frozen=True, kw_only=True)
class ModelVersion:
    """One version of a registered model.

    Args:
        name: The registered model.
        version: Its number.
        run_id: The MLflow run that made it.
        source: Where its files are, as MLflow addresses them.
        path: The fitted model's folder, as Spark addresses it.
        library: The library it was made with.
        snapshot: What it learnt from; None for a table model, and for one that somebody registered without Landfall.
        rows: The rows file that a table model's version learnt from; None for any other version.
        classes: Names of the classes 0, 1, 2, ... of a table model; empty where the prediction is a number.
        judged: Folder of the sibling that has not learnt from the held-out partitions; empty if there is none.
        reference: JSON file that drift is measured against; empty if there is none.
        learner: The learner as JSON; empty for an older version.
        metrics: The metrics of its run: `holdout_...`, `gate_...`, `published_...`.
        tags: Landfall's tags of the version and of its run.
        created_at: When it was registered.
    """

    name: str
    version: str
    run_id: str
    source: str = ""
    path: str
    library: Library = "spark"
    snapshot: Snapshot | None = None
    rows: RowsFile | None = None
    classes: tuple[str, ...] = ()
    judged: str = ""
    reference: str = ""
    learner: str = ""
    metrics: Mapping[str, float] = field(default_factory=dict)
    tags: Mapping[str, str] = field(default_factory=dict)
    created_at: datetime = datetime(1970, 1, 1, tzinfo=UTC)

    @property
    def learnt_until(self) -> Partition:
        """The last partition that it can have learnt from: the snapshot's last, else the day on which it was registered."""
        return self.snapshot.last if self.snapshot else Partition.holding(self.created_at)


def version_of(entry: Any, run: Any) -> ModelVersion:
    """A version, from MLflow's entry for it and the entry's run (None if the run was deleted)."""
    tags = {**(run.data.tags if run else {}), **entry.tags}
    source = str(entry.source).replace("s3://", "s3a://", 1)
    root = source.removesuffix("/model")
    snapshot = Snapshot.of_tags(entry.tags)
    return ModelVersion(
        name=entry.name,
        version=str(entry.version),
        run_id=entry.run_id or "",
        source=str(entry.source),
        path=f"{source}/{FITTED if 'landfall.library' in entry.tags else OLDER}",
        library="scikit-learn" if entry.tags.get("landfall.library") == "scikit-learn" else "spark",
        snapshot=snapshot,
        rows=RowsFile.of_tags(entry.tags),
        classes=_classes(entry.tags),
        judged=f"{root}/{JUDGED}" if snapshot and snapshot.judged_until else "",
        reference=f"{root}/{REFERENCE}" if "landfall.reference" in entry.tags else "",
        learner=entry.tags.get("landfall.learner", ""),
        metrics=dict(run.data.metrics) if run else {},
        tags={key: text for key, text in tags.items() if key.startswith("landfall.")},
        created_at=datetime.fromtimestamp(entry.creation_timestamp / 1000, UTC),
    )


def pipeline_of(name: str) -> str:
    """The name that commands use for the model registered as `name`: its pipeline; a table model keeps its own name."""
    trainings = [pipeline.training for pipeline in PIPELINES.values() if pipeline.training]
    return next((training.pipeline for training in trainings if training.model == name), name)


def _classes(tags: Mapping[str, str]) -> tuple[str, ...]:
    try:
        return tuple(map(str, json.loads(tags["landfall.classes"])))
    except (KeyError, ValueError, TypeError):
        return ()
