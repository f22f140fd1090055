"""A form as PL/pgSQL: statements that score one row. `landfall.deployments.scoring` makes the body of a trigger of them.

PL/pgSQL prepares an expression once in each transaction, all of it: 0.2 us a node of a CASE, whether a row passes by it or not.
An IF statement costs a row nothing where it does not pass, but each one that was ever met keeps a plan of 10 kB, and to read
thousands of them takes a new session seconds. So a tree is IF statements down to subtrees of `SUBTREE` leaves, and those are CASE
expressions. A forest of more leaves than `MANY` is arrays of nodes that are walked, at most as many steps as it is deep.

Of a small model most of the time goes into looking for what is missing. It has a `shortcut`: a row whose columns are all there
and within bounds, which one condition tells, is scored by the columns as they are.

Measured on PostgreSQL 18, one session that commits each row and does not wait for the disk:

                 20 trees of depth 5                        100 trees of depth 10
              ms a row  first   bulk rows/s  MB held        ms a row   first   bulk rows/s  MB held
    CASE        0.28       8      100,000        6            13          875      9,800      198
    IF          0.21      10       83,000       13             1.2     36,000      1,400      530
    both        0.24       5      105,000        6             1.0        930      3,800      311
    arrays      0.17       3       48,000        3             0.30        79      6,300       29

`ms a row` has the INSERT itself, 0.06; `first` is the first row of a session, in ms; `bulk` an INSERT .. SELECT.
Many rows at once are scored without PL/pgSQL, by the expression of `sql`.
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
    """PostgreSQL, where a column is whatever `place` makes of its name: no name of a column can hide a variable."""

    def __init__(self, place: Callable[[str], str]) -> None:
        self.place = place

    def identifier(self, name: str) -> str:
        return self.place(name)


@dataclass(frozen=True, kw_only=True)
class Shortcut:
    """What scores a row of which `condition` is true, with the names it declares."""

    condition: str
    declarations: tuple[str, ...]
    statements: tuple[str, ...]
    prediction: str
    probabilities: tuple[str, ...]


@dataclass(frozen=True, kw_only=True)
class RowLogic:
    """What scores a row in PL/pgSQL.

    Args:
        shortcut: What scores a row that nothing is wrong with; None: there is no quicker way for it.
        declarations: Lines for DECLARE.
        statements: Lines that give each name its value; `reason` is one of the names.
        prediction: The prediction, where `reason` is null.
        probabilities: The probability of each class, in the order of the labels, where `reason` is null.
        reason: The name that holds why the row cannot be scored; null if it can.
        way: How its trees are gone through; `expressions` if it has none.
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
        place: Column name -> where its value stands, such as `NEW."petal length"`.
        walked: Whether trees are arrays; None: where they have more than `MANY` leaves. Never where they cannot be.
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
    allowed = bounds(model)
    if not allowed or max(_leaves_of(model), model.scorer.scores * len(model.features)) > SMALL:
        return None
    compiled = compile_model(model, dialect, numbered=True, vouched=True)
    declarations, statements = _lines(dialect, compiled, but=str(compiled.reason))
    within = (
        f"{dialect.as_number(dialect.identifier(name))} BETWEEN {dialect.number(low)} AND {dialect.number(high)}"
        for name, (low, high) in allowed.items()
    )
    return Shortcut(
        condition=" AND ".join(within),
        declarations=declarations,
        statements=statements,
        prediction=str(compiled.prediction),
        probabilities=tuple(map(str, compiled.probabilities)),
    )


def _lines(dialect: Dialect, compiled: Compiled, but: str = "") -> tuple[tuple[str, ...], tuple[str, ...]]:
    """Declarations and statements of every name `but` one."""
    declarations: list[str] = []
    statements: list[str] = []
    for binding in compiled.bindings:
        if binding.name != but:
            more, lines = _given(dialect, binding)
            declarations += [f"  {binding.name} pg_catalog.{binding.kind};", *more]
            statements += lines
    return tuple(declarations), tuple(statements)


def can_be_walked(model: Model) -> bool:
    """Whether every tree splits by thresholds alone, and adds to every score."""
    return isinstance(model.scorer, Ensemble) and all(
        all(isinstance(node, Split) for node in splits(tree.root))
        and all(len(leaf.values) == model.scorer.scores for leaf in leaves(tree.root))
        for tree in model.scorer.trees
    )


def _leaves_of(model: Model) -> int:
    """How many leaves the trees have in all."""
    return sum(_leaves(tree.root) for tree in model.scorer.trees) if isinstance(model.scorer, Ensemble) else 0


def _leaves(node: Node) -> int:
    return sum(1 for _ in leaves(node))


def _given(dialect: Dialect, binding: Binding) -> tuple[list[str], list[str]]:
    """Further declarations, and the statements that give a name its value."""
    if binding.walk:
        return walk_statements(dialect, binding.name, *binding.walk)
    if binding.tree:
        root, seen = binding.tree
        return [], _branches(dialect, binding.name, root, seen, numbered(root) if binding.kind == "int4" else None)
    return [], [f"  {binding.name} := {binding.term};"]


def _branches(
    dialect: Dialect, name: str, node: Node, seen: tuple[Term, ...], numbers: Mapping[int, int] | None
) -> list[str]:
    """Statements that give `name` what the tree has for the row: a value, or the number of its leaf."""
    if isinstance(node, Leaf) or _leaves(node) <= SUBTREE:
        return [f"{name} := {Scores.case(dialect, node, seen, numbers)};"]
    goes, first, second = decided(dialect, node, seen[node.feature])
    return [
        f"IF {goes} THEN",
        *_branches(dialect, name, first, seen, numbers),
        "ELSE",
        *_branches(dialect, name, second, seen, numbers),
        "END IF;",
    ]
