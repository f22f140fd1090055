"""Whether a person's file is there, and whether it is packed as its name says."""

import shlex
from difflib import get_close_matches
from pathlib import Path
from typing import IO

from landfall.landing.by_hand.refusals import command, refuse

_GZIP, _ZIP = b"\x1f\x8b", b"PK\x03\x04"
ENDINGS = (".csv", ".jsonl", ".ndjson", ".json", ".parquet")


def check_file(name: str, path: Path) -> None:
    """Checks that there is a file at `path`.

    Raises:
        LandingError: there is none, or a folder.
    """
    if path.is_dir():
        refuse(
            f"`{path}` is a folder, not a file.",
            looked=f"it has: {_listing(path)}",
            next=command(name, path / "FILE.csv"),
        )
    if path.exists():
        return
    siblings = [file.name for file in path.parent.iterdir() if file.is_file()] if path.parent.is_dir() else []
    near = get_close_matches(path.name, siblings, n=1)
    hint = f" Did you mean `{near[0]}`?" if near else ""
    sample = f"landfall sample {name.partition('/')[0]} --out data    (writes files to try with)"
    refuse(
        f"There is no file `{path.name}`.{hint}",
        looked=str(path.absolute().parent),
        next=command(name, path.with_name(near[0])) if near else sample,
    )


def _listing(folder: Path) -> str:
    endings = (*ENDINGS, *(f"{ending}.gz" for ending in ENDINGS))
    names = sorted(file.name for file in folder.iterdir() if file.name.endswith(endings))
    return ", ".join(names[:5]) + (f" and {len(names) - 5} more" if len(names) > 5 else "") or "no CSV file"


def is_packed(name: str, path: Path, raw: IO[bytes]) -> bool:
    """True if the file is gzip; a name that says otherwise is refused.

    Raises:
        LandingError: the file is empty, a zip archive, or has the name of the other kind.
    """
    magic = raw.read(4)
    raw.seek(0)
    named = path.suffix == ".gz"
    if not magic:
        refuse(f"File `{path.name}` is empty.", looked=f"{path}: 0 bytes", next=command(name, "FILE.csv"))
    if magic == _ZIP:
        unzip = f"unzip {shlex.quote(str(path))}, then: {command(name, 'FILE.csv')}"
        refuse(f"File `{path.name}` is a zip archive, not CSV.", looked=f"{path}: begins with `PK`", next=unzip)
    packed = magic.startswith(_GZIP)
    if packed != named:
        corrected = path.with_name(path.name + ".gz") if packed else path.with_suffix("")
        rename = f"mv {shlex.quote(str(path))} {shlex.quote(str(corrected))} && {command(name, corrected)}"
        problem = "is gzip, but its name does not end" if packed else "is not gzip, but its name ends"
        looked = "begins with 1f 8b" if packed else "does not begin with 1f 8b"
        refuse(f"File `{path.name}` {problem} in .gz.", looked=f"{path}: {looked}", next=rename)
    return named
