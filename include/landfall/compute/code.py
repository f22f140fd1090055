"""The version of a feed's code: a digest of its jobs' sources and of all modules of this project that they import.

It changes if the code that computes the rows changes. If it were the commit, every change to the docs would make every
publication stale.
"""

import ast
import hashlib
from functools import lru_cache
from importlib.util import find_spec
from pathlib import Path

from landfall.spec import Feed

OURS = ("spark_jobs", "landfall")


def code_of(feed: Feed) -> str:
    """The first ten hexadecimal digits of the digest, which covers the jobs of the feed's runs and their arguments."""
    arguments = [repr(sorted(job.arguments.items())) for job in (feed.features, feed.staging)]
    sources = [_digest_of_job(job.name) for job in (feed.features, feed.staging)]
    return hashlib.sha256("\n".join([*sources, *arguments]).encode()).hexdigest()[:10]


@lru_cache(maxsize=64)
def _digest_of_job(name: str) -> str:
    from landfall.spec.jobs import JOBS

    sources: dict[str, bytes] = {}
    _collect(JOBS[name].module, sources)
    digest = hashlib.sha256()
    for module in sorted(sources):
        digest.update(module.encode() + b"\0" + sources[module] + b"\0")
    return digest.hexdigest()


def _collect(module: str, sources: dict[str, bytes]) -> None:
    """Adds the sources of `module` and of our modules that it imports, without comments, docstrings and layout."""
    file = _file_of(module)
    if module in sources or file is None:
        return
    tree = ast.parse(file.read_text(encoding="utf-8"))
    for node in ast.walk(tree):
        if isinstance(node, ast.Module | ast.ClassDef | ast.FunctionDef) and ast.get_docstring(node, clean=False):
            node.body = node.body[1:] or [ast.Pass()]
    sources[module] = ast.dump(tree).encode()
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            for alias in node.names:
                _collect(alias.name, sources)
        elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
            for name in (node.module, *(f"{node.module}.{alias.name}" for alias in node.names)):
                _collect(name, sources)


def _file_of(module: str) -> Path | None:
    """The file of one of our modules, which is not imported for it; None for other modules."""
    top, *rest = module.split(".")
    spec = find_spec(top) if top in OURS else None
    if spec is None or not spec.submodule_search_locations:
        return None
    path = Path(spec.submodule_search_locations[0]).joinpath(*rest)
    return next((file for file in (path.with_suffix(".py"), path / "__init__.py") if file.is_file()), None)
