"""The errors before anything has landed."""

import shlex
from pathlib import Path
from typing import NoReturn

from landfall.errors import LandingError


def command(name: str, path: Path | str) -> str:
    """The command that lands `path`, ready to paste into a shell."""
    return f"landfall land {name} {shlex.quote(str(path))}"


def refuse(what: str, *, looked: str, next: str) -> NoReturn:
    """Raises a `LandingError` before anything has landed."""
    raise LandingError(what, looked=looked, left="nothing landed", next=next) from None
