"""What the readers of scikit-learn share: whose class a value is, what has no form, and the attributes that many have."""

from collections.abc import Container
from typing import Any, Literal

from landfall.errors import ModelError

LEFT = "nothing was compiled"
FINITE = 1.7976931348623157e308
"""The largest double: `check_array` refuses anything larger."""


def is_of(value: Any, names: Container[str]) -> bool:
    """True if the value's own class is one of scikit-learn's with one of these names."""
    return type(value).__module__.startswith("sklearn.") and type(value).__name__ in names


def unknown(what: str, value: Any, known: list[str]) -> ModelError:
    """The error for a class that has no form here."""
    name = type(value).__name__
    return ModelError.unknown(f"form for the {what}", name, known, next="build the model of the classes that are known")


def unsupported(value: Any, name: str, setting: object) -> ModelError:
    """The error for a setting that has no form here."""
    return ModelError(
        f"`{type(value).__name__}` with `{name}` = {setting} has no form in SQL.",
        left=LEFT,
        next=f"fit it without `{name}`",
    )


def link_of(model: Any, link: Any) -> Literal["identity", "exp", "logistic"]:
    """How a sum becomes a prediction, by the class of scikit-learn's link. A logit is that of classes, which decide otherwise."""
    if is_of(link, ["LogLink"]):
        return "exp"
    if is_of(link, ["IdentityLink", "LogitLink", "MultinomialLogit"]):
        return "identity"
    raise unsupported(model, "loss", type(link).__name__)


def labels_of(model: Any) -> tuple[float, ...] | tuple[str, ...]:
    """The classes: texts if one of them is a text, else numbers."""
    labels = model.classes_.tolist()
    if any(isinstance(label, str) for label in labels):
        return tuple(map(str, labels))
    return tuple(map(float, labels))
