"""Write docs/dags.md, the catalogue of DAGs, from the docstrings of the DAG files.

    python docs/generate_dags.py            write docs/dags.md
    python docs/generate_dags.py --check    exit 1 if docs/dags.md is not what would be written

A DAG file's docstring is its page in the Airflow UI; here the same text is a chapter. The files are parsed, never
imported, so neither Airflow nor a server is needed. A DAG file without a docstring is an error.
"""

import argparse
import ast
import re
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
HEADER = """# DAGs

One chapter a file in `dags/`, made from its docstring by `python docs/generate_dags.py`.
Change the docstring, not this page.
"""


def chapter(path: Path) -> str:
    """The docstring of one DAG file, its headings one level lower, with the file's name.

    Raises:
        SystemExit: the file has no docstring, or one that does not start with a `# Title` line.
    """
    text = ast.get_docstring(ast.parse(path.read_text(encoding="utf-8"), str(path))) or ""
    title, _, body = text.partition("\n")
    if not title.startswith("# "):
        sys.exit(
            f"dags/{path.name} needs a docstring that starts with `# Title`: it is the DAG's page in the Airflow UI."
        )
    lowered = re.sub(r"^(#+ )", r"#\1", body.strip(), flags=re.MULTILINE)
    return f"#{title}\n\n`{path.stem}`, in `dags/{path.name}`\n\n{lowered}\n"


def catalogue(folder: Path) -> str:
    """The whole page: every DAG file of `folder`, by name."""
    return "\n".join([HEADER, *(chapter(path) for path in sorted(folder.glob("[!_]*.py")))])


def main(argv: list[str] | None = None) -> int:
    """Write the page, or compare it. The exit code is 1 only where `--check` finds a difference."""
    parser = argparse.ArgumentParser(description="Write docs/dags.md from the docstrings of dags/*.py.")
    parser.add_argument("--check", action="store_true", help="write nothing; exit 1 if the page differs")
    parser.add_argument("--dags", type=Path, default=ROOT / "dags", help="folder of DAG files")
    parser.add_argument("--page", type=Path, default=ROOT / "docs" / "dags.md", help="the page")
    options = parser.parse_args(argv)
    wanted = catalogue(options.dags)
    if not options.check:
        options.page.write_text(wanted, encoding="utf-8")
        return 0
    if options.page.is_file() and options.page.read_text(encoding="utf-8") == wanted:
        return 0
    print(f"{options.page.name} is not what the docstrings of the DAG files say.", file=sys.stderr)
    print("  next: python docs/generate_dags.py", file=sys.stderr)
    return 1


if __name__ == "__main__":
    sys.exit(main())
