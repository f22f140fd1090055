"""The champion: the version that Landfall has promoted, as MLflow has it now, if it is still that very version."""

from landfall.database import Database
from landfall.errors import ModelError
from landfall.freshness.history import Promotion
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
        ModelError: somebody has set the alias in MLflow and nothing was promoted; what was promoted is gone from MLflow, or
            is another version by now; its files are outside this project's artifacts; the registry is away.
        PublishingError: the predictions database is away.
    """
    serving = notice(settings, conn, name)
    if serving.line is None:
        if serving.alias:
            raise serving.refused()
        return None
    found = find_version(settings, name, str(serving.version))
    if found:
        check_place(settings, found)
    if found is None or not is_promoted(settings, found, serving.line):
        raise _gone(name, serving.line, found)
    return found


def compared_with(settings: Settings, conn: Database, name: str) -> tuple[str | None, ModelVersion | None]:
    """The number of the version that serves, and the version itself: what a challenger is compared with.

    The version is None where `champion` would raise, too: a training is the way out of that.

    Raises:
        ModelError: the registry is away. PublishingError: the predictions database is.
    """
    serving = notice(settings, conn, name)
    found = find_version(settings, name, serving.version) if serving.version else None
    return serving.version, found if found and serving.line and is_promoted(settings, found, serving.line) else None


def is_promoted(settings: Settings, version: ModelVersion, line: Promotion) -> bool:
    """Whether a version in MLflow is the one that a line of the history promoted, among this project's artifacts.

    Where a whole model was deleted, MLflow begins its numbers again. What was promoted before there were notes of a project's
    own versions is noted now, if it was in MLflow before that.

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
    if version.library == "spark":  # a pickle is adopted by nobody but a person: landfall vouch
        note_own(settings, version, how="adopted", by_run=line.by_run)
    return True


def _gone(name: str, line: Promotion, found: ModelVersion | None) -> ModelError:
    said = f"{line.kind} {line.at:%Y-%m-%d %H:%M:%S} UTC"
    there = f"there is one of run {found.run_id or 'none'}, at {found.source}" if found else "there is none"
    return ModelError(
        f"Version {line.version} of `{name}`, which serves, is not in MLflow any more.",
        looked=f"landfall.promotions: {said}; in MLflow {there}" + (", which is not that one" if found else ""),
        left="nothing was scored; what was published stays",
        next=f"landfall rollback {pipeline_of(name)}    (or: landfall train {pipeline_of(name)})",
        fault="request",
    )
