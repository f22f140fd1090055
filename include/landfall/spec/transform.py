"""A transform: a pipeline's own function from landed rows to features. It is checked without importing it, so without Spark."""

import ast
import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import lru_cache
from importlib.util import find_spec
from pathlib import Path

from landfall.errors import SpecError
from landfall.spec.joined import Joined
from landfall.spec.project import shipped_packages


@dataclass(frozen=True, kw_only=True)
class Transform:
    """A function `(rows, **arguments, **tables) -> features` of data frames, which the ETL job calls with good rows.

    The rows have the contract's columns with their types, `source` (the landed object) and `dt` (the partition). The features
    must have `dt` too, unchanged. A joined table has its declared columns and `dt`: the partition of the feed that needs the
    row. One call may be for several partitions, so a function joins on `dt` as well (`spark_jobs.etl.joins` does).

    Args:
        function: `module:function`. The module lies in a package that every compute target gets: `spark_jobs`, `landfall`, or
            that of a project of one's own (`landfall.compute.shipping`).
        arguments: The values of its other parameters, by name.
        tables: Published tables of other feeds, by the name of the parameter that gets their rows.
    """

    function: str
    arguments: Mapping[str, str | int | float | bool] = field(default_factory=dict)
    tables: Mapping[str, Joined] = field(default_factory=dict)

    def __post_init__(self) -> None:
        module, colon, name = self.function.partition(":")
        if not colon or not name.isidentifier() or not all(part.isidentifier() for part in module.split(".")):
            raise SpecError(
                f"Transform.function `{self.function}` is not a function.", looked="expected module:function"
            )
        shipped = shipped_packages()
        if module.partition(".")[0] not in shipped:
            raise SpecError(
                f"The transform `{self.function}` does not reach a cluster.",
                looked=f"jobs run with the packages {' and '.join(shipped)}",
                next=f"put it into a module such as spark_jobs.etl.{module.rpartition('.')[2]}",
            )
        if find_spec(module.partition(".")[0]) is None:
            return  # here nobody runs jobs, so their sources are absent
        functions = _functions_of(module)
        if name not in functions:
            raise SpecError.unknown(f"function in `{module}`", name, list(functions))
        self._check_arguments(functions[name])

    @property
    def module(self) -> str:
        """The module of the function."""
        return self.function.partition(":")[0]

    def _check_arguments(self, parameters: Mapping[str, bool]) -> None:
        names, given = list(parameters)[1:], {*self.arguments, *self.tables}
        for name in (*self.arguments, *self.tables):
            if name not in names:
                raise SpecError.unknown(f"parameter of the transform `{self.function}`", name, names)
        if twice := sorted({*self.arguments} & {*self.tables}):
            raise SpecError(f"The parameter `{twice[0]}` of `{self.function}` is both an argument and a table.")
        if missing := [name for name in names if parameters[name] and name not in given]:
            raise SpecError(
                f"Transform.arguments of `{self.function}` has no `{missing[0]}`.",
                looked=f"it takes {', '.join(names)}",
            )

    def arguments_json(self) -> str:
        """The arguments as one line of JSON. The ETL job gets them in this form on its command line."""
        return json.dumps(dict(self.arguments), separators=(",", ":"))


def file_of(module: str) -> Path | None:
    """The file of a module of a shipped package, which is not imported for it; None if there is none, or for other modules."""
    top, *rest = module.split(".")
    spec = find_spec(top) if top in shipped_packages() else None
    if spec is None or not spec.submodule_search_locations:
        return None
    path = Path(spec.submodule_search_locations[0]).joinpath(*rest)
    return next((file for file in (path.with_suffix(".py"), path / "__init__.py") if file.is_file()), None)


def _functions_of(module: str) -> dict[str, dict[str, bool]]:
    """The functions at the top of a module: name -> parameter -> True if it has no default.

    Raises:
        SpecError: there is no such module.
    """
    file = file_of(module)
    if file is None:
        package = module.rpartition(".")[0]
        parent = file_of(package)
        siblings = sorted(path.stem for path in parent.parent.glob("[!_]*.py")) if parent else []
        raise SpecError.unknown("module", module, [f"{package}.{name}" for name in siblings])
    return _parsed(file, file.stat().st_mtime_ns)


@lru_cache(maxsize=64)
def _parsed(file: Path, changed: int) -> dict[str, dict[str, bool]]:
    functions = {}
    for node in ast.parse(file.read_text(encoding="utf-8")).body:
        if isinstance(node, ast.FunctionDef):
            plain = [*node.args.posonlyargs, *node.args.args]
            needed = len(plain) - len(node.args.defaults)
            parameters = {argument.arg: number < needed for number, argument in enumerate(plain)}
            pairs = zip(node.args.kwonlyargs, node.args.kw_defaults, strict=True)
            functions[node.name] = parameters | {argument.arg: default is None for argument, default in pairs}
    return functions
