"""Writes a form as PL/pgSQL: statements that score one row. `landfall.deployments.scoring` makes the body of a trigger of them.

PL/pgSQL prepares a whole expression once in each transaction: 0.2 us for each node of a CASE, even if no row comes by it.
An IF statement costs nothing for a row that does not pass it, but each one that was ever reached keeps a plan of 10 kB, and a
new session needs seconds to read thousands of them. So a tree is written as IF statements down to subtrees of `SUBTREE` leaves,
and those as CASE expressions. A forest of more than `MANY` leaves becomes arrays of nodes, which are walked in at most as many
steps as the forest is deep.

A small model spends most of its time on looking for missing values. So it has a `shortcut`: one condition says whether all
columns are present and within bounds, and such a row is scored by its columns as they are.

Measured on PostgreSQL 18, one session that commits each row and does not wait for the disk:

                 20 trees of depth 5                        100 trees of depth 10
              ms a row  first   bulk rows/s  MB held        ms a row   first   bulk rows/s  MB held
    CASE        0.28       8      100,000        6            13          875      9,800      198
    IF          0.21      10       83,000       13             1.2     36,000      1,400      530
    both        0.24       5      105,000        6             1.0        930      3,800      311
    arrays      0.17       3       48,000        3             0.30        79      6,300       29

`ms a row` includes the INSERT itself, 0.06; `first` is the first row of a session, in ms; `bulk` is an INSERT .. SELECT.
Many rows at once are scored without PL/pgSQL, by the expression that `sql` writes.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Literal

from landfall.scoring.dialect import Dialect, PostgreSQL
from landfall.scoring.form import Ensemble, Model
from landfall.scoring.scores import Scores, decided, numbered
from landfall.scoring.sql import bounds, compile_model
from landfall.scoring.statement import Binding, Compiled, Term
from landfall.scoring.trees import Leaf, Node, Split, leaves, splits
from landfall.scoring.walk import walk_statements

SUBTREE, MANY, SMALL = 8, 500, 64
Way = Literal["expressions", "CASE and IF", "arrays"]


class _Row(PostgreSQL):
    """PostgreSQL, but a column is written as whatever `place` makes of its name, so that no column can hide a variable."""

    def __init__(self, place: Callable[[str], str]) -> None:
        self.place = place

    def identifier(self, name: str) -> str:
        return self.place(name)


@dataclass(frozen=True, kw_only=True)
class Shortcut:
    """Scores a row for which `condition` is true; `declarations` are the names that it needs."""

    condition: str
    declarations: tuple[str, ...]
    statements: tuple[str, ...]
    prediction: str
    probabilities: tuple[str, ...]


@dataclass(frozen=True, kw_only=True)
class RowLogic:
    """Scores a row in PL/pgSQL.

    Args:
        shortcut: The quicker way, for a row without faults; None if there is none.
        declarations: Lines for DECLARE.
        statements: Lines that give each name its value; `reason` is one of the names.
        prediction: The prediction; valid where `reason` is null.
        probabilities: The probability of each class, in the order of the labels; valid where `reason` is null.
        reason: The name that holds why the row cannot be scored; null if it can.
        way: How the trees are evaluated; `expressions` if there are none.
    """

    declarations: tuple[str, ...]
    statements: tuple[str, ...]
    prediction: str
    probabilities: tuple[str, ...]
    reason: str
    way: Way
    shortcut: Shortcut | None = None


def row_logic(model: Model, place: Callable[[str], str], *, walked: bool | None = None) -> RowLogic:
    """The statements that score one row.

    Args:
        model: The form.
        place: Column name -> where its value is, such as `NEW."petal length"`.
        walked: True if the trees become arrays; None: if they have more than `MANY` leaves. Ignored for trees that cannot.
    """
    dialect = _Row(place)
    chosen = can_be_walked(model) and (_leaves_of(model) > MANY if walked is None else walked)
    compiled = compile_model(model, dialect, walked=chosen, numbered=True)
    declarations, statements = _lines(dialect, compiled)
    return RowLogic(
        declarations=declarations,
        statements=statements,
        prediction=str(compiled.prediction),
        probabilities=tuple(map(str, compiled.probabilities)),
        reason=str(compiled.reason),
        way="arrays" if chosen else "CASE and IF" if isinstance(model.scorer, Ensemble) else "expressions",
        shortcut=None if chosen else _shortcut(model, dialect),
    )


def _shortcut(model: Model, dialect: Dialect) -> Shortcut | None:
    limits = bounds(model)
    if not limits or max(_leaves_of(model), model.scorer.scores * len(model.features)) > SMALL:
        return None
    compiled = compile_model(model, dialect, numbered=True, vouched=True)
    declarations, statements = _lines(dialect, compiled, skipped=str(compiled.reason))
    within = (
        f"{dialect.as_number(dialect.identifier(name))} BETWEEN {dialect.number(low)} AND {dialect.number(high)}"
        for name, (low, high) in limits.items()
    )
    return Shortcut(
        condition=" AND ".join(within),
        declarations=declarations,
        statements=statements,
        prediction=str(compiled.prediction),
        probabilities=tuple(map(str, compiled.probabilities)),
    )


def _lines(dialect: Dialect, compiled: Compiled, skipped: str = "") -> tuple[tuple[str, ...], tuple[str, ...]]:
    """The declarations and the statements of all names except `skipped`."""
    declarations: list[str] = []
    statements: list[str] = []
    for binding in compiled.bindings:
        if binding.name != skipped:
            extra, lines = _assignment(dialect, binding)
            declarations += [f"  {binding.name} pg_catalog.{binding.kind};", *extra]
            statements += lines
    return tuple(declarations), tuple(statements)


def can_be_walked(model: Model) -> bool:
    """True if every tree splits by thresholds alone, and adds to every score in doubles."""
    return (
        isinstance(model.scorer, Ensemble)
        and not model.scorer.single
        and all(
            all(isinstance(node, Split) for node in splits(tree.root))
            and all(len(leaf.values) == model.scorer.scores for leaf in leaves(tree.root))
            for tree in model.scorer.trees
        )
    )


def _leaves_of(model: Model) -> int:
    """The number of leaves of all trees together; 0 if the model has no trees."""
    return sum(_leaves(tree.root) for tree in model.scorer.trees) if isinstance(model.scorer, Ensemble) else 0


def _leaves(node: Node) -> int:
    return sum(1 for _ in leaves(node))


def _assignment(dialect: Dialect, binding: Binding) -> tuple[list[str], list[str]]:
    """Further declarations, and the statements that give a name its value."""
    if binding.walk:
        return walk_statements(dialect, binding.name, *binding.walk)
    if binding.tree:
        root, features = binding.tree
        return [], _branches(dialect, binding.name, root, features, numbered(root) if binding.kind == "int4" else None)
    return [], [f"  {binding.name} := {binding.term};"]


def _branches(
    dialect: Dialect, name: str, node: Node, features: tuple[Term, ...], numbers: Mapping[int, int] | None
) -> list[str]:
    """Statements that assign to `name` what the tree gives for the row: a value, or the number of its leaf."""
    if isinstance(node, Leaf) or _leaves(node) <= SUBTREE:
        return [f"{name} := {Scores.case(dialect, node, features, numbers)};"]
    goes, first, second = decided(dialect, node, features[node.feature])
    return [
        f"IF {goes} THEN",
        *_branches(dialect, name, first, features, numbers),
        "ELSE",
        *_branches(dialect, name, second, features, numbers),
        "END IF;",
    ]
