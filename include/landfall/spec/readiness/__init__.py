"""Readiness rules say when all objects of a partition are there. `Landing.ready` declares one. Each rule has its own file.

A rule answers from a listing of the partition's folder. In S3 an object appears whole or not at all. So a rule guards against
one thing: a partition of several objects, some of which are still to come.
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
"""All rules. A triggerer and a Lambda function look up a rule here by its name."""


def rule_to_dict(rule: Readiness) -> dict[str, object]:
    """The rule in values that JSON can hold, with its name as `is`.

    Raises:
        SpecError: the rule is not in `RULES`, so nobody could read it again.
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
        SpecError: no rule has that name, or the values do not fit the rule.
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
