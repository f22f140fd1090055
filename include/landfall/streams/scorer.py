"""The version that scores: looked up at every batch, compiled when it changes, refused if the stream cannot serve it."""

import time
from dataclasses import dataclass

from landfall.database import Database
from landfall.deployments.registered import find_registered
from landfall.errors import LandfallError, StreamError
from landfall.freshness.history import newest
from landfall.scoring import SparkSQL, compile_model
from landfall.scoring.form import Model
from landfall.spec import Settings
from landfall.spec.stream import Stream

UNPROMOTED = 5.0
"""The seconds after which the registry is asked again if no version was promoted: then the newest one serves."""


@dataclass(frozen=True, kw_only=True)
class Scorer:
    """A version as Spark SQL.

    Args:
        version: The version's number.
        selects: Lists of expressions, each to be selected from what the one before gave, the first from the rows. The last keeps
            the rows' columns, and adds `prediction`, `reason` and the probabilities.
        probabilities: The columns with the probabilities of the classes.
    """

    version: str
    selects: tuple[tuple[str, ...], ...]
    probabilities: tuple[str, ...]


class Scorers:
    """Gives the scorer for the next batch. A version that cannot serve is refused once, and the one before it stays."""

    def __init__(self, settings: Settings, stream: Stream, keep: tuple[str, ...]) -> None:
        self.settings, self.stream, self.keep = settings, stream, keep
        self.refused = ""
        """Why the version that should serve does not; empty if it does."""
        self._now: Scorer | None = None
        self._promotion: object = object()
        self._ask_again = 0.0

    def current(self, conn: Database) -> Scorer:
        """The scorer of the version that serves.

        Only the newest line of the promotions is read, which takes a millisecond. The registry is asked when that changes.

        Raises:
            LandfallError: no version can serve.
        """
        promotion = newest(conn, self.stream.model)
        if promotion == self._promotion and self._now is not None and (promotion or time.monotonic() < self._ask_again):
            return self._now
        self._ask_again = time.monotonic() + UNPROMOTED
        try:
            found = find_registered(self.settings, self.stream.model)
            if self._now is None or found.version != self._now.version:
                self._now = compiled(self.stream, found.version, found.form, self.keep)
            self.refused = ""
        except LandfallError as error:
            if self._now is None:
                raise
            self.refused = f"{error.what} {error.looked}".strip()
            if error.fault == "server":
                return self._now  # asked again at the next batch
        self._promotion = promotion
        return self._now


def compiled(stream: Stream, version: str, form: Model, keep: tuple[str, ...]) -> Scorer:
    """A version as a query over the stream's rows.

    Args:
        stream: The stream.
        version: The version's number.
        form: What it computes.
        keep: The columns of the rows that the query passes on.

    Raises:
        StreamError: the model reads a column that the stream does not have, or has in another kind.
        SpecError: the model cannot be written in Spark SQL.
    """
    kinds = {column.name: "text" if column.type == "string" else "number" for column in stream.contract.columns}
    kinds |= dict.fromkeys(stream.vectors, "vector")
    for column in form.inputs:
        if kinds.get(column.name) != column.kind:
            there = ", ".join(f"{name} ({kind})" for name, kind in kinds.items())
            raise StreamError(
                f"Version {version} of `{stream.model}` cannot score `{stream.name}`: it reads `{column.name}`, a "
                f"{column.kind}.",
                looked=f"the stream's rows have {there}",
                left="the version that served before goes on",
                next=f"add `{column.name}` to the stream's contract, or promote another version",
                fault="request",
            )
    plan = compile_model(form, SparkSQL())
    probabilities = tuple(f"_p{number}" for number in range(len(plan.probabilities)))
    selects = tuple(map(tuple, plan.selects(keep, probabilities)))
    return Scorer(version=version, selects=selects, probabilities=probabilities)
