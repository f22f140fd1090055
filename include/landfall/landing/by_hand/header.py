"""Compares the first line of a CSV file with the columns of a contract."""

from difflib import get_close_matches
from pathlib import Path
from shlex import quote

from landfall.errors import LandingError
from landfall.pipelines import find_pipeline
from landfall.spec import Feed

_OTHER_DELIMITERS = {";": "semicolons", "\t": "tabs", "|": "bars"}


def positions_of(header: list[str], name: str, feed: Feed, path: Path) -> tuple[tuple[int, ...], tuple[str, ...]]:
    """The positions of the contract's columns in `header`, in the contract's order, and the columns that are left out.

    Raises:
        LandingError: a column is missing or there twice, or the file is not separated by commas.
    """
    expected = feed.contract.names
    if missing := tuple(column for column in expected if column not in header):
        raise _wrong_delimiter(header, name, expected, path) or _missing(header, name, missing, path)
    twice = [column for column in expected if header.count(column) > 1]
    if twice:
        raise LandingError(
            f"File `{path.name}` has column `{twice[0]}` twice.",
            looked=f"{path}:1: {', '.join(header)}",
            left="nothing landed",
            next=f"rename one of them, then: landfall land {name} {quote(str(path))}",
        )
    return tuple(header.index(column) for column in expected), tuple(c for c in header if c not in expected)


def _wrong_delimiter(header: list[str], name: str, expected: tuple[str, ...], path: Path) -> LandingError | None:
    """The error for a file with another delimiter; None if the header does not look like one."""
    line = ",".join(header)
    for delimiter, separators in _OTHER_DELIMITERS.items():
        columns = line.split(delimiter)
        if len(set(columns) & set(expected)) > max(1, len(set(header) & set(expected))):
            corrected = path.with_name(f"{path.name.removesuffix('.gz').removesuffix('.csv')}.commas.csv")
            shown = {"\t": "\\t"}.get(delimiter, delimiter)
            reading = f"zcat {quote(str(path))} |" if path.suffix == ".gz" else f"< {quote(str(path))}"
            return LandingError(
                f"File `{path.name}` seems to be separated by {separators}, not commas.",
                looked=f"{path}:1: {line!r}",
                left="nothing landed",
                next=f"{reading} tr '{shown}' ',' > {quote(str(corrected))} && landfall land {name} {quote(str(corrected))}"
                "    (if no value holds a comma)",
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
