"""Expressions with names: what is computed once per row, what uses it, and the nested SELECT that computes it.

A model uses its features in many places. So each feature gets a name and is computed in a layer of its own; an expression goes
into the first layer in which all names that it uses are known. PostgreSQL would merge the subqueries and compute a feature again
at each split of each tree; `OFFSET 0` prevents that.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from landfall.scoring.dialect import Dialect
from landfall.scoring.form import Ensemble
from landfall.scoring.scalars import InputColumn
from landfall.scoring.trees import Node


@dataclass(frozen=True)
class Term:
    """SQL, and the names that it uses."""

    sql: str
    uses: frozenset[str] = frozenset()

    def __str__(self) -> str:
        return self.sql


def joined(template: str, *terms: Term) -> Term:
    """`template` with each `{}` replaced by a term; it uses the names of all of them."""
    return Term(template.format(*terms), frozenset().union(*(term.uses for term in terms)))


BoundTree = tuple[Node, tuple[Term, ...]]
BoundEnsemble = tuple[Ensemble, tuple[Term, ...]]
"""Trees with the terms of their features, for callers that write them in another way than as an expression."""


@dataclass(frozen=True, kw_only=True)
class Binding:
    """A name for an expression.

    Args:
        name: The name.
        kind: Its type in PostgreSQL, from the schema `pg_catalog`.
        term: The expression.
        tree: The tree that the expression stands for, with the terms of its features, for callers that write it in another way.
        walk: The ensemble whose sums this array holds, with the terms of its features; then there is no expression.
    """

    name: str
    kind: str
    term: Term
    tree: BoundTree | None = None
    walk: BoundEnsemble | None = None


@dataclass
class Scope:
    """Gives out names, layer by layer. Layer 0 knows the table's own columns; every later layer knows only names."""

    dialect: Dialect
    prefix: str = "b"
    layers: list[list[Binding]] = field(default_factory=list)
    refusals: list[tuple[Term, str]] = field(default_factory=list)
    _depth: dict[str, int] = field(default_factory=dict)

    def bind(
        self,
        term: Term,
        kind: str = "float8",
        tree: BoundTree | None = None,
        walk: BoundEnsemble | None = None,
        *,
        beside: Term | None = None,
    ) -> Term:
        """A name for `term`: the prefix and a number. It cannot clash: the table's columns are not visible in later layers.

        Args:
            term: The expression.
            kind: Its type in PostgreSQL.
            tree: See `Binding`.
            walk: See `Binding`.
            beside: A name; `term` is not computed in an earlier layer than that name.
        """
        name = f"{self.prefix}{len(self._depth)}"
        depth = max((self._depth[used] + 1 for used in term.uses), default=0)
        if beside:
            depth = max([depth, *(self._depth[used] for used in beside.uses)])
        self._depth[name] = depth
        while len(self.layers) <= depth:
            self.layers.append([])
        self.layers[depth].append(Binding(name=name, kind=kind, term=term, tree=tree, walk=walk))
        return Term(name, frozenset({name}))

    def refuse(self, condition: Term, reason: str) -> None:
        """Does not score rows for which `condition` is true. A row with several reasons gets the first."""
        if (condition, reason) not in self.refusals:
            self.refusals.append((condition, reason))


@dataclass(frozen=True, kw_only=True)
class Compiled:
    """A model as expressions of one dialect.

    Args:
        dialect: The dialect.
        inputs: The columns that the model needs.
        layers: The names to compute; each layer uses only those before it.
        prediction: The prediction of a row without a `reason`: a double, or text if the classes are texts.
        probabilities: The probability of each class of such a row, in the order of `labels`; empty if there are no classes.
        labels: The classes.
        reason: Null where the row can be scored, else why it cannot, such as `petal_length is null`.
    """

    dialect: Dialect
    inputs: tuple[InputColumn, ...]
    layers: tuple[tuple[Binding, ...], ...]
    prediction: Term
    probabilities: tuple[Term, ...]
    labels: tuple[float, ...] | tuple[str, ...]
    reason: Term

    @property
    def bindings(self) -> tuple[Binding, ...]:
        """All names, each after those that it uses."""
        return tuple(binding for layer in self.layers for binding in layer)

    def outputs(self, probabilities: Sequence[str] = ()) -> dict[str, Term]:
        """Name -> expression: `prediction`, `reason`, and the probabilities under the given names, in the order of `labels`.

        Where `reason` is not null, all others are null.
        """
        by_name = dict(zip(probabilities, self.probabilities, strict=True)) if probabilities else {}
        outputs = {"prediction": self.prediction, **by_name}
        scored = {
            name: joined("CASE WHEN {} IS NULL THEN {} END", self.reason, output) for name, output in outputs.items()
        }
        return {"prediction": scored.pop("prediction"), "reason": self.reason, **scored}

    def query(self, source: str, keep: Sequence[str] = (), probabilities: Sequence[str] = ()) -> str:
        """A SELECT of the columns `keep` and the outputs, for every row of `source`.

        Args:
            source: What follows FROM: a quoted name, or a subquery with an alias.
            keep: Columns of the source to pass through.
            probabilities: Names for the probabilities, in the order of `labels`; empty: they are not computed.
        """
        inner = source
        *layers, last = self.selects(keep, probabilities)
        for number, names in enumerate(layers):
            inner = f"(SELECT {', '.join(names)} FROM {inner}{self.dialect.fence}) AS l{number}"  # noqa: S608  (names are quoted by the dialect)
        return f"SELECT {', '.join(last)} FROM {inner}"  # noqa: S608

    def selects(self, keep: Sequence[str] = (), probabilities: Sequence[str] = ()) -> list[list[str]]:
        """The lists of what `query` selects, the innermost first: each selects from the one before, the first from the source."""
        quoted = self.dialect.identifier
        outputs = self.outputs(probabilities)
        kept = [f"k{number}" for number in range(len(keep))]
        lists = []
        for number, layer in enumerate(self.layers):
            carried = kept if number else [f"{quoted(name)} AS {k}" for name, k in zip(keep, kept, strict=True)]
            names = [*carried, *self._alive(number, outputs)]
            lists.append(
                [*names, *(f"{binding.term} AS {binding.name}" for binding in layer if self._is_used(binding, outputs))]
            )
        last = [f"{k} AS {quoted(name)}" for name, k in zip(keep, kept, strict=True)]
        return [*lists, [*last, *(f"{term} AS {quoted(name)}" for name, term in outputs.items())]]

    def _alive(self, number: int, outputs: Mapping[str, Term]) -> list[str]:
        """The names from before layer `number` that something after it still uses."""
        later = [binding.term for layer in self.layers[number + 1 :] for binding in layer]
        used = frozenset().union(*(term.uses for term in (*later, *outputs.values())))
        return [binding.name for layer in self.layers[:number] for binding in layer if binding.name in used]

    def _is_used(self, binding: Binding, outputs: Mapping[str, Term]) -> bool:
        return any(binding.name in term.uses for term in (*(b.term for b in self.bindings), *outputs.values()))
