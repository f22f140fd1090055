"""The versions that this project made itself, in a table that MLflow cannot write: `landfall.own_versions`.

Anybody who reaches MLflow can register a version, tag it and call it the champion. So nothing that MLflow says about a version
is a reason to load its files. When a training or `log_model` has written a version, it notes it here, in the predictions
database, with the SHA-256 of its pickle. A note counts for a version only if name, number, run and place are the same. A pickle
without a note is not loaded; what lies outside `LANDFALL_MLFLOW_ARTIFACTS` is not even read.
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
"""How a version came to be noted: by its training; by `log_model`; by a training for days that are over; with its promotion;
because it was promoted before there were notes; because a person vouches for it."""
PICKLED = "scikit-learn"
"""The library whose models are pickles: whoever loads a pickle runs the code in it."""
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
        library: The library it was made with.
        sha256: The SHA-256 of its pickle; empty if it is no pickle.
        judged_sha256: The SHA-256 of its judged sibling's pickle; empty if there is none.
        how: How it came to be noted.
        at: When it was noted (UTC).
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
        """True if it was noted when it was made: any promotion of it came later."""
        return self.how in ("trained", "logged", "for hindcasts")


def note_own(
    settings: Settings, version: ModelVersion, *, how: How, by_run: str, sha256: str = "", judged_sha256: str = ""
) -> None:
    """Notes that a version is this project's own. If MLflow reuses a number (the model was deleted), the new note counts.

    Args:
        settings: Where the predictions database is.
        version: The version as MLflow has it now.
        how: How it came to be noted.
        by_run: The Airflow run or the command that notes it.
        sha256: The SHA-256 of its pickle; empty if it is no pickle.
        judged_sha256: The SHA-256 of its judged sibling's pickle.

    Raises:
        PublishingError: the predictions database is away. ModelError: it refuses.
    """
    what = f"Version {version.version} of `{version.name}` could not be noted as Landfall's own."
    row = [version.name, version.version, version.run_id, version.source, version.library]
    left = "nobody loads the version until it is noted"
    with connect(settings) as conn, explained(conn, what, left=left, kind=ModelError):
        fetch(conn, _NOTE, [*row, sha256, judged_sha256, how, by_run])


def own_versions(settings: Settings, name: str) -> dict[str, Own]:
    """Version number -> what is noted of that version of `name`. MLflow may have another version of that number: see `find_own`.

    Raises:
        PublishingError: the predictions database is away.
    """
    what = f"It could not be read which versions of `{name}` Landfall made."
    with connect(settings, longest=QUESTION) as conn, explained(conn, what, left=UNTOUCHED, kind=ModelError):
        return {own.version: own for own in fetch_as(conn, Own, _READ, [name])}


def is_own(note: Own | None, version: ModelVersion) -> bool:
    """True if a note is about this very version: the same run, place and library."""
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
    """Refuses a version whose files are not among this project's own artifacts.

    Args:
        settings: Where the artifacts are.
        version: The version.
        place: A file or folder of the version; by default all of it.
        left: What the error says is left behind.

    Raises:
        ModelError: the files are somewhere else. None of them was read.
    """
    checked_place = version.source if place is None else place
    if not lies_within(checked_place, settings.mlflow_artifacts):
        raise ModelError(
            f"Version {version.version} of `{version.name}` lies outside this project's artifacts; it is not read.",
            looked=f"{checked_place}; expected a place under {settings.mlflow_artifacts}",
            left=left,
            next=f"landfall models {pipeline_of(version.name)}    (and name a version that Landfall made)",
            fault="request",
        )


def lies_within(place: str, root: str) -> bool:
    """True if an S3 or file URL, or a path, is below `root`; false if it has an empty part or goes up (`..`) anywhere."""
    kind, parts = _parts(place)
    kind_of_root, parts_of_root = _parts(root)
    steps = parts[len(parts_of_root) :]
    return (
        (kind, parts[: len(parts_of_root)]) == (kind_of_root, parts_of_root)
        and bool(steps)
        and not any(step in ("", ".", "..") for step in parts)
    )


def _parts(place: str) -> tuple[str, list[str]]:
    scheme, separator, rest = place.partition("://")
    if not separator:
        return "file", place.rstrip("/").lstrip("/").split("/")
    if scheme == "file":
        return "file", unquote(rest).rstrip("/").lstrip("/").split("/")
    return ("s3" if scheme == "s3a" else scheme), rest.rstrip("/").split("/")


def check_loadable(settings: Settings, version: ModelVersion, *, left: str = UNTOUCHED) -> Own | None:
    """What is noted of a version, if its files may be loaded.

    Raises:
        ModelError: its files are outside this project's artifacts; or are a pickle without a note; or the note of that number
            is about another version.
    """
    check_place(settings, version, left=left)
    note = own_versions(settings, version.name).get(version.version)
    if note and not is_own(note, version):
        raise _replaced(version, note, left)
    if version.library == PICKLED and not (note and note.sha256):
        raise unknown_pickle(version, left=left)
    return note


def scoring_options(settings: Settings, version: ModelVersion) -> dict[str, str]:
    """The options that tell a scoring job which model to load: its folder, and for a pickle the digest that it must have.

    Raises:
        ModelError: as `check_loadable`.
    """
    note = check_loadable(settings, version)
    options = {"model": version.path, "model_version": version.version}
    if version.library == PICKLED and note:
        options |= {"library": version.library, "model_sha256": note.sha256}
    return options


def judged_model(settings: Settings, version: ModelVersion, folder: str) -> SavedModel:
    """One of a version's two models, the one in `folder`, as the judging job gets it.

    A pickle without a note has no digest here, and the job does not load it.

    Raises:
        ModelError: the files are outside this project's artifacts. PublishingError: the predictions database is away.
    """
    check_place(settings, version)
    note = find_own(settings, version)
    if version.library != PICKLED or note is None:
        return SavedModel(folder, version.library)
    return SavedModel(folder, version.library, note.judged_sha256 if folder == version.judged else note.sha256)


def _replaced(version: ModelVersion, note: Own, left: str) -> ModelError:
    def described(subject: ModelVersion | Own) -> str:
        return f"run {subject.run_id or 'none'}, {subject.library}, at {subject.source}"

    return ModelError(
        f"Version {version.version} of `{version.name}` in MLflow is not the one that Landfall made; it is not loaded.",
        looked=f"in MLflow {described(version)}; in landfall.own_versions {described(note)}",
        left=left,
        next=_way_out(version),
        fault="request",
    )


def _way_out(version: ModelVersion) -> str:
    name = pipeline_of(version.name)
    return f"landfall train {name}    (or, if you know who wrote it: landfall vouch {name} {version.version})"


def unknown_pickle(version: ModelVersion, *, sha256: str = "", expected: str = "", left: str = UNTOUCHED) -> ModelError:
    """The error for a pickle of a version without a note, or one that differs from the noted one."""
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
