"""A form as the body of a PL/pgSQL function, in which a tree is IF statements: for single rows and large forests.

A CASE expression is prepared whole before its first row. An IF is prepared when it is first met in a session and stays so: a
row then pays for the nodes on its way only. In bulk it is slower than the expression, by three to seven times (see `sql`), and
each session parses the body once: 10 ms for 100 trees of depth 10.
"""

from landfall.scoring.dialect import Dialect, PostgreSQL
from landfall.scoring.form import Model
from landfall.scoring.sql import compile_model, decided
from landfall.scoring.statement import Term
from landfall.scoring.trees import Leaf, Node


class _Arguments(PostgreSQL):
    """PostgreSQL, where a column is an argument by its position: no name of a column can hide a variable."""

    def __init__(self, names: list[str]) -> None:
        self.names = names

    def identifier(self, name: str) -> str:
        return f"${self.names.index(name) + 1}"


def function_body(model: Model) -> str:
    """The body of a function of the model's inputs, in their order and without names.

    It is for a function with `OUT prediction`, a double or text, `OUT probabilities float8[]`, empty if there are no classes, and
    `OUT reason text`, as `Compiled` has them.
    """
    dialect = _Arguments([column.name for column in model.inputs])
    compiled = compile_model(model, dialect)
    lines = ["DECLARE"]
    lines += [f"  {binding.name} {binding.kind};" for binding in compiled.bindings]
    lines.append("BEGIN")
    for binding in compiled.bindings:
        if binding.tree:
            lines += _branches(dialect, binding.name, *binding.tree)
        else:
            lines.append(f"  {binding.name} := {binding.term};")
    lines.append(f"  reason := {compiled.reason};")
    lines.append("  IF reason IS NULL THEN")
    lines.append(f"    prediction := {compiled.prediction};")
    lines.append(f"    probabilities := ARRAY[{', '.join(map(str, compiled.probabilities))}]::float8[];")
    return "\n".join([*lines, "  END IF;", "END"])


def _branches(dialect: Dialect, name: str, node: Node, seen: tuple[Term, ...]) -> list[str]:
    """Statements that give `name` what the tree has for the row."""
    if isinstance(node, Leaf):
        value = dialect.number(node.values[0]) if len(node.values) == 1 else dialect.numbers(node.values)
        return [f"{name} := {value};"]
    goes, first, second = decided(dialect, node, seen[node.feature])
    return [
        f"IF {goes} THEN",
        *_branches(dialect, name, first, seen),
        "ELSE",
        *_branches(dialect, name, second, seen),
        "END IF;",
    ]
