"""Compares the columns of a person's file with those of a contract."""

from difflib import get_close_matches
from pathlib import Path
from shlex import quote

from landfall.errors import LandingError
from landfall.pipelines import find_pipeline
from landfall.spec import Csv, Feed

_DELIMITERS = {",": "commas", ";": "semicolons", "\t": "tabs", "|": "bars"}


def positions_of(
    header: list[str], name: str, feed: Feed, path: Path, dialect: Csv
) -> tuple[tuple[int | None, ...], tuple[str, ...]]:
    """The positions of the contract's columns in `header`, in the contract's order, and the columns that are left out.

    A renamed column may have its older name. A nullable column may be absent: then its position is None.

    Raises:
        LandingError: a column is missing or there twice, or the file has another delimiter.
    """
    columns = feed.contract.columns
    held = {
        column.name: next((name for name in (column.name, column.renamed_from) if name in header), None)
        for column in columns
    }
    expected = feed.contract.names
    if missing := tuple(column.name for column in columns if held[column.name] is None and not column.nullable):
        raise _wrong_delimiter(header, name, expected, path, dialect) or _missing(header, name, missing, path)
    known = [column for column in held.values() if column is not None]
    twice = [column for column in known if header.count(column) > 1]
    if twice:
        raise LandingError(
            f"File `{path.name}` has column `{twice[0]}` twice.",
            looked=f"{path}:1: {', '.join(header)}",
            left="nothing landed",
            next=f"rename one of them, then: landfall land {name} {quote(str(path))}",
        )
    positions = tuple(None if column is None else header.index(column) for column in held.values())
    return positions, tuple(column for column in header if column not in known)


def _wrong_delimiter(
    header: list[str], name: str, expected: tuple[str, ...], path: Path, dialect: Csv
) -> LandingError | None:
    """The error for a file with another delimiter; None if the header does not look like one."""
    usual = dialect.delimiter
    line, wanted = usual.join(header), _DELIMITERS.get(usual, repr(usual))
    for delimiter, separators in _DELIMITERS.items():
        if delimiter == usual:
            continue
        columns = line.split(delimiter)
        if len(set(columns) & set(expected)) > max(1, len(set(header) & set(expected))):
            corrected = path.with_name(f"{path.name.removesuffix('.gz').removesuffix('.csv')}.{wanted}.csv")
            shown, other = ("\\t" if mark == "\t" else mark for mark in (delimiter, usual))
            reading = f"zcat {quote(str(path))} |" if path.suffix == ".gz" else f"< {quote(str(path))}"
            return LandingError(
                f"File `{path.name}` seems to be separated by {separators}, not {wanted}.",
                looked=f"{path}:1: {line!r}",
                left="nothing landed",
                next=f"{reading} tr '{shown}' '{other}' > {quote(str(corrected))} && landfall land {name} {quote(str(corrected))}"
                f"    (if no value holds {'a comma' if usual == ',' else repr(usual)})",
            )
    return None


def _missing(header: list[str], name: str, missing: tuple[str, ...], path: Path) -> LandingError:
    folded = {column.strip().casefold(): column for column in header}
    hints = []
    for column in missing:
        if near := get_close_matches(column.casefold(), folded, n=1):
            hints.append(f"`{folded[near[0]]}`")
    hint = f" Did you mean {', '.join(hints)}?" if hints else ""
    columns = f"column{'s' * (len(missing) > 1)} {', '.join(f'`{column}`' for column in missing)}"
    fits = _feed_that_fits(header, name)
    land = f"landfall land {fits or name} {quote(str(path))}"
    return LandingError(
        f"File `{path.name}` has no {columns}.{'' if fits else hint}",
        looked=f"{path}:1: {', '.join(header)}",
        left="nothing landed",
        next=f"{land}    (that feed's columns are all there)"
        if fits
        else f"give the columns these names, then: {land}",
    )


def _feed_that_fits(header: list[str], name: str) -> str:
    """Another feed of the same pipeline whose columns are all in `header`; empty if there is none."""
    pipeline = find_pipeline(name.partition("/")[0])
    fits = (feed.full_name for feed in pipeline.feeds if set(feed.contract.names) <= set(header))
    return next(fits, "")
