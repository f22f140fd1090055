"""The declarations of the project. A file in the folder of declarations belongs to it; no list has to be edited.

The folder is `pipelines` in the package of a project of one's own; without such a project it is this one. Only
`landfall.pipelines` imports this file, at the first look-up of a declaration.
"""

from collections.abc import Iterator
from importlib import import_module
from pkgutil import iter_modules
from types import ModuleType
from typing import TypeVar

from landfall.errors import SpecError
from landfall.spec import OnlineLearner, Pipeline, Stream, TableModel
from landfall.spec.project import own_project

Declaration = TypeVar("Declaration", Pipeline, TableModel, Stream, OnlineLearner)


def declaring_modules() -> Iterator[ModuleType]:
    """The modules of the folder of declarations, by name. Those whose names begin with `_` declare nothing.

    Raises:
        SpecError: the project's package has no folder of declarations, or one of the files cannot be imported.
    """
    package = _imported(_folder())
    for found in sorted(iter_modules(package.__path__), key=lambda module: module.name):
        if not found.name.startswith("_") and f"{package.__name__}.{found.name}" != __name__:
            yield _imported(f"{package.__name__}.{found.name}")


def _folder() -> str:
    project = own_project()
    if project is None:
        return __package__ or ""
    project.make_importable()
    return project.pipelines


def _imported(module: str) -> ModuleType:
    try:
        return import_module(module)
    except SpecError:
        raise
    except Exception as error:  # whatever the file of a person does when it is imported
        raise SpecError(
            f"The declarations in `{module}` cannot be imported.",
            looked=f"{type(error).__name__}: {error}",
            left="no declaration of this project can be looked up",
            next=f"python -c 'import {module}'    (shows the line)",
        ) from error


def declared(kind: type[Declaration], modules: list[ModuleType]) -> tuple[Declaration, ...]:
    """The values of `kind` at the top of the modules, in their order. One that several modules import counts once.

    Raises:
        SpecError: two different declarations have the same name.
    """
    found: dict[str, tuple[Declaration, str]] = {}
    for module in modules:
        for value in vars(module).values():
            if not isinstance(value, kind):
                continue
            known, where = found.setdefault(value.name, (value, module.__name__))
            if known is not value:
                raise SpecError(
                    f"`{value.name}` is declared twice.",
                    looked=f"{where} and {module.__name__}",
                    next="rename one of them",
                )
    return tuple(declaration for declaration, _ in found.values())


_MODULES = list(declaring_modules())
PIPELINES = declared(Pipeline, _MODULES)
TABLE_MODELS = declared(TableModel, _MODULES)
STREAMS = declared(Stream, _MODULES)
LEARNERS = declared(OnlineLearner, _MODULES)
