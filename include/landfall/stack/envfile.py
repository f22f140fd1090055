"""KEY=VALUE files, quoted so that a shell can read them (`set -a; . .landfall/env`), and files written whole."""

import os
import shlex
import tempfile
from collections.abc import Mapping
from pathlib import Path


def read(path: Path) -> dict[str, str]:
    """The variables in `path`; empty if there is no such file."""
    if not path.exists():
        return {}
    lines = (line.strip() for line in path.read_text(encoding="utf-8").splitlines())
    pairs = (line.partition("=") for line in lines if line and not line.startswith("#"))
    return {name: "".join(shlex.split(value)) for name, _, value in pairs}


def write(path: Path, variables: Mapping[str, str]) -> None:
    """Replaces `path`; only its owner can read it."""
    write_whole(path, "".join(f"{name}={shlex.quote(value)}\n" for name, value in sorted(variables.items())))


def write_whole(path: Path, text: str) -> None:
    """Replaces `path` (mode 0600) in one step: a reader sees the old text or the new text, never half of it."""
    descriptor, temporary = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
    try:
        with os.fdopen(descriptor, "w", encoding="utf-8") as file:
            file.write(text)
        Path(temporary).replace(path)
    except BaseException:
        Path(temporary).unlink(missing_ok=True)
        raise
