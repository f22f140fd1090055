"""The files of a project of one's own, which has Landfall as a dependency."""

import re
from pathlib import Path

import landfall
from landfall.errors import SpecError
from landfall.spec.project import SHIPPED
from landfall.starting.rendering import render

STOCK_DAGS = ("deploy_model", "landing_audit")
"""The DAGs that every project has. Their files are the same everywhere."""


def stock_dag(name: str) -> str:
    """The text of a DAG file that every project has: the wheel carries it, and a checkout has it among its own."""
    packaged = Path(__file__).with_name("dags") / f"{name}.py"
    file = packaged if packaged.is_file() else Path(__file__).parents[3] / "dags" / f"{name}.py"
    return file.read_text(encoding="utf-8")


def package_of(folder: Path, named: str) -> str:
    """The name of the project's package: the one that a person named, else that of the folder in plain letters.

    Raises:
        SpecError: it can be no package, or it is one of Landfall's own.
    """
    package = named or re.sub(r"\W+", "_", folder.resolve().name.lower(), flags=re.ASCII).strip("_")
    reserved = (*SHIPPED, "dags", "tests", "airflow", "pyspark", "plugins")
    if not re.fullmatch(r"[a-z][a-z0-9_]*", package) or package in reserved:
        raise SpecError(
            f"`{package}` cannot be the package of a project.",
            looked=f"expected lower-case letters, digits and underscores, and none of {', '.join(reserved)}",
            left="nothing was written",
            next="landfall init DIR --package NAME",
        )
    return package


def project_files(name: str, package: str) -> dict[str, str]:
    """File below the project's folder -> its text."""
    context = {"name": name, "package": package, "version": landfall.__version__}
    folders = {"": f"Pipelines of {name}.", "/pipelines": "Declarations, one pipeline a file.",
               "/jobs": "Transforms: what becomes of landed rows, one pipeline a file."}  # fmt: skip
    return {
        "pyproject.toml": render("pyproject.toml", context),
        "README.md": render("README.md", context),
        ".gitignore": render("gitignore", context),
        **{f"{package}{folder}/__init__.py": f'"""{text}"""\n' for folder, text in folders.items()},
        **{f"dags/{dag}.py": stock_dag(dag) for dag in STOCK_DAGS},
        "tests/test_dags.py": render("test_dags.py", context),
    }
