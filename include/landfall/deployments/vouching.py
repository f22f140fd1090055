"""A person vouches for a version that Landfall did not make, or made before it kept notes. From then on its files are loaded.

The note holds what is there now: the run, the place, and the SHA-256 of a pickle. So it does not cover a file that somebody
puts there later.
"""

import hashlib

from landfall.deployments.artifacts import Artifacts
from landfall.deployments.registered import flavors_of, place_of
from landfall.models.own import Own, check_place, find_own, note_own
from landfall.models.registry import ModelVersion
from landfall.spec import Settings

PICKLE = "model.pkl"
LEFT = "nobody vouches for the version"


def vouch(settings: Settings, version: ModelVersion, *, by_run: str) -> Own:
    """Notes a version as this project's own, as the registry and the store hold it now. Loads none of its files.

    Raises:
        ModelError: the version's files are outside this project's artifacts or cannot be read; or the registry or the
            predictions database cannot be reached.
    """
    check_place(settings, version, left=LEFT)
    place, files = place_of(settings, version, left=LEFT), Artifacts(settings.s3)
    flavor = flavors_of(files.read_file(f"{place}/MLmodel")).get("sklearn")
    sha256 = judged = ""
    if flavor:
        pickle = f"{place}/{flavor['pickled_model']}"
        check_place(settings, version, pickle, left=LEFT)
        sha256 = _digest(files, pickle)
        judged = _digest(files, f"{version.judged}/{PICKLE}") if version.judged else ""
    note_own(settings, version, how="vouched for", by_run=by_run, sha256=sha256, judged_sha256=judged)
    note = find_own(settings, version)
    assert note
    return note


def _digest(files: Artifacts, file: str) -> str:
    return hashlib.sha256(files.read_file(file)).hexdigest()
