"""`landfall init`: makes a project of one's own that has Landfall as a dependency."""

import re
import shlex
from pathlib import Path
from typing import Annotated

import typer

from landfall.cli.output import JsonFlag, answering


def register(app: typer.Typer) -> None:
    """Adds the commands of this file."""
    app.command()(init)


def init(
    folder: Annotated[Path, typer.Argument(metavar="DIR", help="The project's folder; made if it does not exist.")],
    package: Annotated[
        str, typer.Option(metavar="NAME", help="Its Python package; by default the name of the folder.")
    ] = "",
    json: JsonFlag = False,
) -> None:
    """Make a project of your own that has Landfall as a dependency, so that nothing is forked. Nothing is overwritten."""
    from landfall.starting.project_files import package_of, project_files
    from landfall.starting.rendering import write_new

    with answering(json) as out:
        named = package_of(folder, package)
        name = re.sub(r"_", "-", named)
        files = project_files(name, named)
        write_new(folder, files)
        steps = [f"cd {shlex.quote(str(folder))}", "pip install -e '.[dev]'    (in an environment of its own)",
                 "landfall new pipeline NAME --from SAMPLE.csv", "landfall up"]  # fmt: skip
        lines = [*(f"wrote {folder / file}" for file in files), "next:", *(f"  {step}" for step in steps)]
        out.answer({"project": str(folder), "package": named, "files": list(files), "next": steps}, "\n".join(lines))
