"""The SHA-256 of every jar, including those that other jars need. A jar that differs from this record is not run.

The record is `jars.json`, which `landfall.stack.record_jars` writes. Whoever changes the list of jars in `jars.py` commits that
file too.
"""

import hashlib
import json
from pathlib import Path

from landfall.errors import StackError

FILE = Path(__file__).with_name("jars.json")


def digests(folder: Path) -> dict[str, str]:
    """Name -> SHA-256 of the jars in a folder. 48 MB take 0.2 s."""
    return {jar.name: hashlib.sha256(jar.read_bytes()).hexdigest() for jar in sorted(folder.glob("*.jar"))}


def check(name: str, folder: Path, *, left: str, next: str) -> None:
    """Refuses a folder of the jar set called `name` if its jars are not exactly the recorded ones.

    Raises:
        StackError: it names the first jars that differ, are missing or are too many; `left` and `next` are parts of its text.
    """
    expected, actual = json.loads(FILE.read_text(encoding="utf-8")).get(name, {}), digests(folder)
    if actual == expected:
        return
    wrong = [
        f"{jar}: {_short(actual.get(jar))}, expected {_short(expected.get(jar))}"
        for jar in sorted(actual.keys() | expected.keys())
        if actual.get(jar) != expected.get(jar)
    ]
    raise StackError(
        f"The jars of `{name}` are not those that Landfall was made with: {len(wrong)} differ.",
        looked="\n    ".join([f"{folder}, against {FILE.name}:", *wrong[:5]]),
        left=left,
        next=next,
    )


def _short(digest: str | None) -> str:
    return f"SHA-256 {digest[:16]}..." if digest else "no such jar"
