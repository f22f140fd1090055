"""Renders the templates of this room, and writes files without overwriting any."""

from collections.abc import Mapping
from pathlib import Path

from landfall.errors import SpecError
from landfall.starting.code import call, mapping, names, python

TEMPLATES = Path(__file__).with_name("templates")


def render(template: str, context: Mapping[str, object]) -> str:
    """The text that a template makes. A name that the context lacks is an error.

    Raises:
        jinja2.UndefinedError: the template uses a name that the context does not have.
    """
    from jinja2 import Environment, FileSystemLoader, StrictUndefined

    environment = Environment(  # noqa: S701  (makes Python, not HTML: values go through `python`)
        loader=FileSystemLoader(TEMPLATES),
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
    )
    environment.filters["python"] = python
    environment.globals.update(python=python, call=call, names=names, mapping=mapping)
    return environment.get_template(f"{template}.jinja").render(context)


def write_new(root: Path, files: Mapping[str, str] | Mapping[str, str | bytes]) -> list[Path]:
    """Writes files below `root`, all or none. Gives their paths.

    Raises:
        SpecError: one of them exists already, or a folder cannot be written. Then nothing was written.
    """
    if existing := [name for name in files if (root / name).exists() or (root / name).is_symlink()]:
        raise SpecError(
            f"`{existing[0]}` is there already.",
            looked=str(root),
            left="nothing was written, nothing was overwritten",
            next="take another name, or remove the file",
        )
    written: list[Path] = []
    try:
        for name, content in files.items():
            path = root / name
            path.parent.mkdir(parents=True, exist_ok=True)
            with path.open("xb") as file:
                written.append(path)
                file.write(content.encode() if isinstance(content, str) else content)
    except OSError as error:
        for path in written:
            path.unlink(missing_ok=True)
        raise SpecError(
            f"`{error.filename or root}` cannot be written.",
            looked=str(error.strerror),
            left="nothing was written",
            next="choose a folder that you may write to",
        ) from error
    return written
