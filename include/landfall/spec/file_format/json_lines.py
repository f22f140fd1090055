"""JSON lines: one JSON object a line."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import ClassVar, Self

from landfall.errors import SpecError


@dataclass(frozen=True, kw_only=True)
class JsonLines:
    """One JSON object a line, in UTF-8 (https://jsonlines.org).

    Args:
        paths: Column -> the names that lead to its value, with points between them, such as `weather.wind.speed`. A column
            without a path is the value of its own name at the top. Values of other names are ignored.
    """

    kind: ClassVar[str] = "JsonLines"
    reader: ClassVar[str] = "spark_jobs.formats.json_lines:JsonLinesReader"
    endings: ClassVar[tuple[str, ...]] = (".jsonl", ".jsonl.gz")
    readable: ClassVar[tuple[str, ...]] = (".jsonl", ".ndjson", ".json", ".gz")
    object_name: ClassVar[str] = "rows.jsonl"
    content_type: ClassVar[str] = "application/x-ndjson"

    paths: Mapping[str, str] = field(default_factory=dict)

    def __post_init__(self) -> None:
        for column, path in self.paths.items():
            if not all(path.split(".")):
                raise SpecError(
                    f"JsonLines.paths has `{path}` for the column `{column}`.", looked="expected names: a.b.c"
                )

    def __str__(self) -> str:
        return "JSON lines"

    def __hash__(self) -> int:
        return hash(tuple(sorted(self.paths.items())))

    @property
    def point(self) -> str:
        return "."

    def path(self, column: str) -> tuple[str, ...]:
        """The names that lead to the value of a column."""
        return tuple(self.paths[column].split(".")) if column in self.paths else (column,)

    def check_columns(self, names: Sequence[str]) -> None:
        for column in self.paths:
            if column not in names:
                raise SpecError.unknown("column", column, list(names))
        paths = {name: self.path(name) for name in names}
        for name, path in paths.items():
            for other, longer in paths.items():
                if other != name and longer[: len(path)] == path:
                    raise SpecError(
                        f"JsonLines.paths has `{'.'.join(longer)}` for the column `{other}`, inside the value of `{name}`.",
                        looked=f"`{name}` is at `{'.'.join(path)}`",
                    )

    def to_dict(self) -> dict[str, object]:
        return {"paths": dict(self.paths)} if self.paths else {}

    @classmethod
    def from_dict(cls, values: Mapping[str, object]) -> Self:
        match values:
            case {"paths": dict(paths)} if len(values) == 1:
                return cls(paths={str(column): str(path) for column, path in paths.items()})
            case {} if not values:
                return cls()
        raise SpecError(f"`{dict(values)}` is not a JsonLines.", looked='expected {"paths": {COLUMN: "a.b"}}')
