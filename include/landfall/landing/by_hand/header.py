"""The first line of a CSV file against the columns of a contract."""

from difflib import get_close_matches
from pathlib import Path
from shlex import quote

from landfall.errors import LandingError
from landfall.pipelines import find_pipeline
from landfall.spec import Feed

_OTHER_DELIMITERS = {";": "semicolons", "\t": "tabs", "|": "bars"}


def positions_of(header: list[str], name: str, feed: Feed, path: Path) -> tuple[tuple[int, ...], tuple[str, ...]]:
    """Where the contract's columns are in `header`, in the contract's order, and the columns left out.

    Raises:
        LandingError: a column is missing or twice, or the file is not separated by commas.
    """
    wanted = feed.contract.names
    if missing := tuple(column for column in wanted if column not in header):
        raise _wrong_delimiter(header, name, wanted, path) or _missing(header, name, missing, path)
    twice = [column for column in wanted if header.count(column) > 1]
    if twice:
        raise LandingError(
            f"File `{path.name}` has column `{twice[0]}` twice.",
            looked=f"{path}:1: {', '.join(header)}",
            left="nothing landed",
            next=f"rename one of them, then: landfall land {name} {quote(str(path))}",
        )
    return tuple(header.index(column) for column in wanted), tuple(c for c in header if c not in wanted)


def _wrong_delimiter(header: list[str], name: str, wanted: tuple[str, ...], path: Path) -> LandingError | None:
    """The error for a file with another delimiter; None if the header does not look like it."""
    line = ",".join(header)
    for delimiter, called in _OTHER_DELIMITERS.items():
        columns = line.split(delimiter)
        if len(set(columns) & set(wanted)) > max(1, len(set(header) & set(wanted))):
            right = path.with_name(f"{path.name.removesuffix('.gz').removesuffix('.csv')}.commas.csv")
            shown = {"\t": "\\t"}.get(delimiter, delimiter)
            reading = f"zcat {quote(str(path))} |" if path.suffix == ".gz" else f"< {quote(str(path))}"
            return LandingError(
                f"File `{path.name}` seems to be separated by {called}, not commas.",
                looked=f"{path}:1: {line!r}",
                left="nothing landed",
                next=f"{reading} tr '{shown}' ',' > {quote(str(right))} && landfall land {name} {quote(str(right))}"
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
    again = f"landfall land {fits or name} {quote(str(path))}"
    return LandingError(
        f"File `{path.name}` has no {columns}.{'' if fits else hint}",
        looked=f"{path}:1: {', '.join(header)}",
        left="nothing landed",
        next=f"{again}    (that feed's columns are all there)" if fits else f"name the columns so, then: {again}",
    )


def _feed_that_fits(header: list[str], name: str) -> str:
    """Another feed of the same pipeline whose columns are all in `header`; empty if there is none."""
    pipeline = find_pipeline(name.partition("/")[0])
    fits = (feed.full_name for feed in pipeline.feeds if set(feed.contract.names) <= set(header))
    return next(fits, "")
