"""The version of a feed's code: a digest of its jobs' sources and of all modules of this project that they import.

It changes if the code that computes the rows changes. If it were the commit, every change to the docs would make every
publication stale.
"""

import ast
import hashlib
from functools import lru_cache

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


@lru_cache(maxsize=64)
def _digest_of(modules: tuple[str, ...]) -> str:
    sources: dict[str, bytes] = {}
    for module in modules:
        _collect(module, sources)
    digest = hashlib.sha256()
    for module in sorted(sources):
        digest.update(module.encode() + b"\0" + sources[module] + b"\0")
    return digest.hexdigest()


def _collect(module: str, sources: dict[str, bytes]) -> None:
    """Adds the sources of `module` and of our modules that it imports, without comments, docstrings and layout."""
    file = file_of(module)
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
