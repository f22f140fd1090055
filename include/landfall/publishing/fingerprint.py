"""Fingerprint: what a publication was made of. It shows whether a publication is stale or current."""

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass, field


@dataclass(frozen=True, kw_only=True)
class Fingerprint:
    """The inputs of one publication. Equal fingerprints mean equal rows.

    Args:
        objects: Key of each landed object -> its ETag.
        code_version: Version of the jobs' code, such as a git commit.
        model_version: Version of the model that scored.
        contract: Version or digest of the contract that the rows passed.
        joined: Partition of another published table, `schema.table PARTITION`, that was joined -> the digest of the
            fingerprint that it had.
        commit: The commit of this project that made the publication, for a person to look at. The digest leaves it out, because
            most commits do not touch what computes these rows.
    """

    objects: Mapping[str, str]
    code_version: str
    model_version: str
    contract: str
    joined: Mapping[str, str] = field(default_factory=dict)
    commit: str = ""

    def to_json(self) -> str:
        """The inputs as canonical JSON: the same inputs give the same text, in whatever order they were listed."""
        return _canonical({**self._inputs, **({"commit": self.commit} if self.commit else {})})

    @property
    def _inputs(self) -> dict[str, object]:
        return {
            "objects": [{"key": key, "etag": etag} for key, etag in sorted(self.objects.items())],
            "code_version": self.code_version,
            "model_version": self.model_version,
            "contract": self.contract,
            **({"joined": dict(self.joined)} if self.joined else {}),
        }

    @property
    def digest(self) -> str:
        """SHA-256 of the inputs, in hexadecimal."""
        return hashlib.sha256(_canonical(self._inputs).encode()).hexdigest()


def _canonical(fields: Mapping[str, object]) -> str:
    return json.dumps(fields, separators=(",", ":"), sort_keys=True)
