"""The versions that this project made itself, in a table that MLflow cannot write: `landfall.own_versions`.

Whoever reaches MLflow can register a version, tag it and call it the champion. So nothing that MLflow says of a version is a
reason to load its files. What a training or `log_model` has written is noted here, in the predictions database, with the
SHA-256 of its pickle. A version counts as noted if name, number, run and place are all the noted ones. Without a note, a
pickle is not loaded; what lies outside `LANDFALL_MLFLOW_ARTIFACTS` is not even read.
"""

from dataclasses import dataclass
from datetime import datetime
from typing import Literal
from urllib.parse import unquote

from psycopg import sql

from landfall.database import QUESTION, connect, explained, fetch, fetch_as
from landfall.errors import ModelError
from landfall.models.client import UNTOUCHED
from landfall.models.version import ModelVersion, pipeline_of
from landfall.spec import Settings
from landfall.spec.saved_model import SavedModel

How = Literal["trained", "logged", "for hindcasts", "promoted", "adopted", "vouched for"]
"""How a version came to be noted: by its training, by `log_model`, by a training for days that are over, with its promotion,
because it had been promoted before there were notes, or because a person vouches for it."""
PICKLED = "scikit-learn"
"""The library whose models are pickles: whoever loads one runs what it says."""
_NOTE = sql.SQL("""
INSERT INTO landfall.own_versions (model, version, run_id, source, library, sha256, judged_sha256, how, by_run)
VALUES (%s, %s, %s, %s, %s, %s, %s, %s, %s)
ON CONFLICT (model, version) DO UPDATE
SET run_id = excluded.run_id, source = excluded.source, library = excluded.library, sha256 = excluded.sha256,
    judged_sha256 = excluded.judged_sha256, how = excluded.how, by_run = excluded.by_run, by_role = session_user,
    at = clock_timestamp()
RETURNING model""")
_READ = sql.SQL("""
SELECT version, run_id, source, library, sha256, judged_sha256, how, at FROM landfall.own_versions WHERE model = %s""")


@dataclass(frozen=True, kw_only=True)
class Own:
    """What is noted of a version.

    Args:
        version: Its number.
        run_id: The MLflow run that made it.
        source: Where its files are, as MLflow addresses them.
        library: What it was made with.
        sha256: Of its pickle; empty if it is none.
        judged_sha256: Of its judged sibling's pickle; empty if there is none.
        how: How it came to be noted.
        at: When it was (UTC).
    """

    version: str
    run_id: str
    source: str
    library: str
    sha256: str
    judged_sha256: str
    how: str
    at: datetime

    @property
    def made_here(self) -> bool:
        """Whether it was noted as it was made: then it was promoted, if ever, after that."""
        return self.how in ("trained", "logged", "for hindcasts")


def note_own(
    settings: Settings, version: ModelVersion, *, how: How, by_run: str, sha256: str = "", judged_sha256: str = ""
) -> None:
    """Notes that a version is this project's. A number that MLflow gives again (the model was deleted) has its new note.

    Args:
        settings: Where the predictions database is.
        version: The version as MLflow has it now.
        how: How it came to be noted.
        by_run: The Airflow run or the command that notes it.
        sha256: Of its pickle; empty if it is none.
        judged_sha256: Of its judged sibling's pickle.

    Raises:
        PublishingError: the predictions database is away. ModelError: it refuses.
    """
    what = f"That version {version.version} of `{version.name}` is Landfall's own could not be noted."
    row = [version.name, version.version, version.run_id, version.source, version.library]
    left = "nobody loads the version until it is noted"
    with connect(settings) as conn, explained(conn, what, left=left, kind=ModelError):
        fetch(conn, _NOTE, [*row, sha256, judged_sha256, how, by_run])


def own_versions(settings: Settings, name: str) -> dict[str, Own]:
    """What is noted of the versions of `name`, by their numbers. MLflow may call something else so by now: see `find_own`.

    Raises:
        PublishingError: the predictions database is away.
    """
    what = f"Which versions of `{name}` Landfall made is not known."
    with connect(settings, longest=QUESTION) as conn, explained(conn, what, left=UNTOUCHED, kind=ModelError):
        return {own.version: own for own in fetch_as(conn, Own, _READ, [name])}


def is_own(note: Own | None, version: ModelVersion) -> bool:
    """Whether a note is of this very version: the same run, place and library."""
    return note is not None and (note.run_id, note.source, note.library) == (
        version.run_id,
        version.source,
        version.library,
    )


def find_own(settings: Settings, version: ModelVersion) -> Own | None:
    """What is noted of this very version; None if nothing is.

    Raises:
        PublishingError: the predictions database is away.
    """
    note = own_versions(settings, version.name).get(version.version)
    return note if is_own(note, version) else None


def check_place(settings: Settings, version: ModelVersion, place: str | None = None, *, left: str = UNTOUCHED) -> None:
    """Nothing, if the files of a version are among this project's own artifacts.

    Args:
        settings: Where those are.
        version: The version.
        place: A file or folder of it; by default all of it.
        left: What is left behind where it is refused.

    Raises:
        ModelError: they are somewhere else. Nothing of them was read.
    """
    where = version.source if place is None else place
    if not lies_within(where, settings.mlflow_artifacts):
        raise ModelError(
            f"Version {version.version} of `{version.name}` lies outside this project's artifacts; it is not read.",
            looked=f"{where}; expected a place under {settings.mlflow_artifacts}",
            left=left,
            next=f"landfall models {pipeline_of(version.name)}    (and name a version that Landfall made)",
            fault="request",
        )


def lies_within(place: str, root: str) -> bool:
    """Whether an S3 or file URL, or a path, is below another; never where it goes up again, or has an empty part."""
    kind, parts = _parts(place)
    kind_of_root, parts_of_root = _parts(root)
    steps = parts[len(parts_of_root) :]
    return (
        (kind, parts[: len(parts_of_root)]) == (kind_of_root, parts_of_root)
        and bool(steps)
        and not any(step in ("", ".", "..") for step in parts)
    )


def _parts(place: str) -> tuple[str, list[str]]:
    scheme, there, rest = place.partition("://")
    if not there:
        return "file", place.rstrip("/").lstrip("/").split("/")
    if scheme == "file":
        return "file", unquote(rest).rstrip("/").lstrip("/").split("/")
    return ("s3" if scheme == "s3a" else scheme), rest.rstrip("/").split("/")


def check_loadable(settings: Settings, version: ModelVersion, *, left: str = UNTOUCHED) -> Own | None:
    """What is noted of a version whose files may be loaded.

    Raises:
        ModelError: its files are outside this project's artifacts, or are a pickle that nobody has noted; or another version
            of that number is noted.
    """
    check_place(settings, version, left=left)
    note = own_versions(settings, version.name).get(version.version)
    if note and not is_own(note, version):
        raise _replaced(version, note, left)
    if version.library == PICKLED and not (note and note.sha256):
        raise unknown_pickle(version, left=left)
    return note


def scoring_options(settings: Settings, version: ModelVersion) -> dict[str, str]:
    """What a scoring job is told of the model: its folder, and of a pickle the digest that it must have.

    Raises:
        ModelError: as `check_loadable`.
    """
    note = check_loadable(settings, version)
    options = {"model": version.path, "model_version": version.version}
    if version.library == PICKLED and note:
        options |= {"library": version.library, "model_sha256": note.sha256}
    return options


def judged_model(settings: Settings, version: ModelVersion, folder: str) -> SavedModel:
    """What the judging job is told of one of a version's two models, the one in `folder`.

    A pickle that nobody has noted has no digest here, and the job does not load it.

    Raises:
        ModelError: the files are outside this project's artifacts. PublishingError: the predictions database is away.
    """
    check_place(settings, version)
    note = find_own(settings, version)
    if version.library != PICKLED or note is None:
        return SavedModel(folder, version.library)
    return SavedModel(folder, version.library, note.judged_sha256 if folder == version.judged else note.sha256)


def _replaced(version: ModelVersion, note: Own, left: str) -> ModelError:
    def said(of: ModelVersion | Own) -> str:
        return f"run {of.run_id or 'none'}, {of.library}, at {of.source}"

    return ModelError(
        f"Version {version.version} of `{version.name}` in MLflow is not the one that Landfall made; it is not loaded.",
        looked=f"in MLflow {said(version)}; in landfall.own_versions {said(note)}",
        left=left,
        next=_way_out(version),
        fault="request",
    )


def _way_out(version: ModelVersion) -> str:
    name = pipeline_of(version.name)
    return f"landfall train {name}    (or, if you know who wrote it: landfall vouch {name} {version.version})"


def unknown_pickle(version: ModelVersion, *, sha256: str = "", expected: str = "", left: str = UNTOUCHED) -> ModelError:
    """The error for a pickle that is not the noted one, or of a version without a note."""
    if expected:
        looked = f"its SHA-256 is {sha256[:16]}..., that of the one Landfall wrote {expected[:16]}..."
    else:
        looked = f"landfall.own_versions has no version {version.version} of run {version.run_id or 'none'} there"
        looked += "; MLflow's tags, which anybody may have set, do not count" if version.tags else ""
    return ModelError(
        f"Version {version.version} of `{version.name}` is a pickle that Landfall did not write; it is not loaded.",
        looked=looked,
        left=left,
        next=_way_out(version),
        fault="request",
    )
