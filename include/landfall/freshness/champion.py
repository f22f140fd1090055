"""The champion: the version that Landfall promoted, as MLflow has it now, if MLflow still has that very version."""

from landfall.database import Database
from landfall.errors import ModelError
from landfall.freshness.history import PromotionRecord
from landfall.freshness.promotions import notice
from landfall.models.own import check_place, is_own, lies_within, note_own, own_versions
from landfall.models.registry import ModelVersion, find_version, pipeline_of
from landfall.spec import Settings


def champion(settings: Settings, conn: Database, name: str) -> ModelVersion | None:
    """The version of `name` that serves; None before the first promotion.

    Args:
        settings: Where the registry is.
        conn: A connection of its own to the predictions database, in autocommit mode.
        name: The registered model.

    Raises:
        ModelError: somebody set the alias in MLflow, but Landfall promoted nothing; the promoted version is gone from MLflow,
            or its number belongs to another version by now; its files are outside this project's artifacts; the registry is
            away.
        PublishingError: the predictions database is away.
    """
    serving = notice(settings, conn, name)
    if serving.line is None:
        if serving.alias:
            raise serving.refused()
        return None
    version = find_version(settings, name, str(serving.version))
    if version:
        check_place(settings, version)
    if version is None or not is_promoted(settings, version, serving.line):
        raise _gone(name, serving.line, version)
    return version


def compared_with(settings: Settings, conn: Database, name: str) -> tuple[str | None, ModelVersion | None]:
    """What a challenger is compared with: the number of the version that serves, and the version itself.

    Where `champion` would raise an error, this gives None as the version. So a training can still run, which mends that.

    Raises:
        ModelError: the registry is away. PublishingError: the predictions database is.
    """
    serving = notice(settings, conn, name)
    version = find_version(settings, name, serving.version) if serving.version else None
    promoted = version if version and serving.line and is_promoted(settings, version, serving.line) else None
    return serving.version, promoted


def is_promoted(settings: Settings, version: ModelVersion, line: PromotionRecord) -> bool:
    """True if a version in MLflow is the very one that `line` promoted, and lies among this project's artifacts.

    The number alone does not tell: after a whole model was deleted, MLflow begins its numbers again. So Landfall notes its own
    versions. A version that was promoted before there were such notes has none. It counts if it was in MLflow before the
    promotion; a Spark model is then noted now.

    Raises:
        PublishingError: the predictions database is away.
    """
    if not lies_within(version.source, settings.mlflow_artifacts):
        return False
    note = own_versions(settings, version.name).get(version.version)
    if note is not None:
        return is_own(note, version) and not (note.made_here and note.at > line.at)
    if version.created_at > line.at:
        return False
    if version.library == "spark":  # only a person may adopt a pickle: landfall vouch
        note_own(settings, version, how="adopted", by_run=line.by_run)
    return True


def _gone(name: str, line: PromotionRecord, version: ModelVersion | None) -> ModelError:
    promoted = f"{line.kind} {line.at:%Y-%m-%d %H:%M:%S} UTC"
    there = f"there is one of run {version.run_id or 'none'}, at {version.source}" if version else "there is none"
    return ModelError(
        f"Version {line.version} of `{name}`, which serves, is not in MLflow any more.",
        looked=f"landfall.promotions: {promoted}; in MLflow {there}" + (", which is not that one" if version else ""),
        left="nothing was scored; what was published stays",
        next=f"landfall rollback {pipeline_of(name)}    (or: landfall train {pipeline_of(name)})",
        fault="request",
    )
