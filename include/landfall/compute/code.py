"""The version of a feed's code: a digest of its jobs' sources and of all modules of this project that they import.

It changes if the code that computes the rows changes. If it were the commit, every change to the docs would make every
publication stale.
"""

import ast
import hashlib
from functools import lru_cache
from pathlib import Path

from landfall.spec import Feed
from landfall.spec.jobs import JOBS
from landfall.spec.transform import file_of


def code_of(feed: Feed) -> str:
    """The first ten hexadecimal digits of the digest, which covers the jobs of the feed's runs and their arguments.

    The ETL job imports the reader of the feed's format and the transform by their names, so these are added here.
    """
    arguments = [repr(sorted(job.arguments.items())) for job in (feed.features, feed.staging)]
    by_name = (feed.landing.format.reader.partition(":")[0], *([feed.transform.module] if feed.transform else []))
    jobs = ((JOBS[feed.features.name].module, *by_name), (JOBS[feed.staging.name].module,))
    sources = [_digest_of(modules) for modules in jobs]
    return hashlib.sha256("\n".join([*sources, *arguments]).encode()).hexdigest()[:10]


def prepare() -> None:
    """Reads the sources of all jobs. A process that is forked from this one reads only what has changed on disk since."""
    for job in JOBS.values():
        _sources((job.module,))


@lru_cache(maxsize=64)
def _digest_of(modules: tuple[str, ...]) -> str:
    sources = _sources(modules)
    digest = hashlib.sha256()
    for module in sorted(sources):
        digest.update(module.encode() + b"\0" + sources[module] + b"\0")
    return digest.hexdigest()


def _sources(modules: tuple[str, ...]) -> dict[str, bytes]:
    """The sources of these modules and of all of ours that they import, directly or not, by the modules' names."""
    sources: dict[str, bytes] = {}
    waiting, asked = list(modules), set[str]()
    while waiting:
        module = waiting.pop()
        if module in asked:
            continue
        asked.add(module)
        if file := file_of(module):
            sources[module], imports = _parsed(file, file.stat().st_mtime_ns)
            waiting += imports
    return sources


@lru_cache(maxsize=1024)
def _parsed(file: Path, changed: int) -> tuple[bytes, tuple[str, ...]]:
    """A file's source without comments, docstrings and layout, as it was changed last at that time; and what it may import."""
    tree, imports = ast.parse(file.read_text(encoding="utf-8")), dict[str, None]()
    for node in ast.walk(tree):
        if isinstance(node, ast.Module | ast.ClassDef | ast.FunctionDef) and ast.get_docstring(node, clean=False):
            node.body = node.body[1:] or [ast.Pass()]
        elif isinstance(node, ast.Import):
            imports |= dict.fromkeys(alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
            imports |= dict.fromkeys((node.module, *(f"{node.module}.{alias.name}" for alias in node.names)))
    return ast.dump(tree).encode(), tuple(imports)
