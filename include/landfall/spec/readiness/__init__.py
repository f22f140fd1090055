"""Readiness: when a partition's objects are all there. Declared in `Landing.ready`; a rule a file.

Every rule answers from one listing of the partition's folder. An object of S3 appears whole or not at all, so what a rule
guards against is a partition made of several objects of which some are still to come.
"""

from collections.abc import Mapping

from landfall.errors import SpecError
from landfall.spec.readiness.all_named import AllNamed
from landfall.spec.readiness.at_least import AtLeast
from landfall.spec.readiness.marker import Marker
from landfall.spec.readiness.one_object import OneObject
from landfall.spec.readiness.rule import Listed, Readiness
from landfall.spec.readiness.settled import Settled

RULES: tuple[type[Readiness], ...] = (OneObject, AllNamed, Marker, AtLeast, Settled)
"""The rules there are. A triggerer and a Lambda function find one by its name here."""


def rule_to_dict(rule: Readiness) -> dict[str, object]:
    """The rule as JSON knows it, with its name as `is`.

    Raises:
        SpecError: the rule is none of `RULES`: nobody could read it again.
    """
    if type(rule) not in RULES:
        raise SpecError(
            f"The readiness rule `{type(rule).__name__}` is not registered.",
            looked=f"landfall.spec.readiness.RULES: {', '.join(known.kind for known in RULES)}",
            next="add its class to RULES",
        )
    return {"is": rule.kind, **rule.to_dict()}


def rule_from_dict(values: Mapping[str, object]) -> Readiness:
    """The rule that `rule_to_dict` wrote.

    Raises:
        SpecError: no rule has that name, or the values are not its own.
    """
    rules = {rule.kind: rule for rule in RULES}
    name = str(values.get("is"))
    if name not in rules:
        raise SpecError.unknown("readiness rule", name, list(rules))
    return rules[name].from_dict({key: value for key, value in values.items() if key != "is"})


__all__ = [
    "RULES",
    "AllNamed",
    "AtLeast",
    "Listed",
    "Marker",
    "OneObject",
    "Readiness",
    "Settled",
    "rule_from_dict",
    "rule_to_dict",
]
