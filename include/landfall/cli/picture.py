"""`landfall picture`: whether PNG files would be accepted as pictures, and the gray values of those that would."""

import re
from pathlib import Path
from typing import Annotated

import typer

from landfall.cli.output import JsonFlag, answering
from landfall.errors import LandingError
from landfall.images import Picture, Refusal, decode

Size = Annotated[str, typer.Option("--size", metavar="WIDTHxHEIGHT", help="The grid of gray values.")]


def register(app: typer.Typer) -> None:
    """Adds the commands of this file."""
    app.command()(picture)


def picture(
    files: Annotated[list[Path], typer.Argument(metavar="FILE...", help="PNG files.")],
    size: Size = "8x8",
    json: JsonFlag = False,
) -> None:
    """Show whether PNG files can be read as pictures, or why one is refused. `--json` gives the gray values, from 0 to 1.

    Exit code 1 if a file is refused.
    """
    with answering(json) as out:
        expected = _picture(size)
        try:
            answers = [(file, decode(_content(file, expected.max_bytes), expected)) for file in files]
        except ModuleNotFoundError as error:
            raise LandingError(
                "No picture can be read: a library is missing.",
                looked=f"for the Python package `{error.name}`",
                left="no picture was judged",
                next="uv pip install 'landfall[images]'",
                fault="request",
            ) from None
        if json:
            out.json(
                [
                    {"file": str(file), "reason": answer.reason, "vector": None}
                    if isinstance(answer, Refusal)
                    else {"file": str(file), "reason": "", "vector": [round(float(value), 6) for value in answer]}
                    for file, answer in answers
                ]
            )
        for file, answer in () if json else answers:
            out.say(f"{file}: {f'refused: {answer.reason}' if isinstance(answer, Refusal) else 'good'}")
        if any(isinstance(answer, Refusal) for _, answer in answers):
            raise typer.Exit(1)


def _picture(size: str) -> Picture:
    sides = re.fullmatch(r"([0-9]{1,4})x([0-9]{1,4})", size)
    if not sides:
        raise typer.BadParameter(f"{size!r} is no size such as 8x8", param_hint="--size")
    return Picture(width=int(sides[1]), height=int(sides[2]))


def _content(file: Path, max_bytes: int) -> bytes:
    """The file, or of a file that is too large one byte more than is accepted."""
    try:
        with file.open("rb") as opened:
            return opened.read(max_bytes + 1)
    except OSError as error:
        raise LandingError(
            f"The file `{file}` cannot be read: {error.strerror}.", left="no picture was judged", fault="request"
        ) from None
