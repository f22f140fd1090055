"""Trees as arrays of nodes, for PL/pgSQL. Each step goes from a node to one of the two below it; a leaf leads to itself.

The arrays hold the nodes of all trees, tree after tree. PL/pgSQL does not copy constants in an expression, and finds an element
of an array of numbers by its position, so a step costs the same however large the forest is. Sums are added tree by tree, as
everywhere.
"""

from dataclasses import dataclass, field

from landfall.scoring.dialect import Dialect
from landfall.scoring.form import Ensemble
from landfall.scoring.statement import Term
from landfall.scoring.trees import Leaf, Node, Split, depth


@dataclass
class _Nodes:
    """The nodes of all trees; each has a number, counted from 1."""

    features: list[int] = field(default_factory=list)
    thresholds: list[float] = field(default_factory=list)
    below: list[tuple[int, int]] = field(default_factory=list)
    values: list[tuple[float, ...]] = field(default_factory=list)

    def add(self, node: Node, wide: int, scores: int) -> int:
        """Appends a node and those below it, and gives its number. `wide` is the number of features."""
        position = len(self.features)
        self.features.append(1)
        self.thresholds.append(0.0)
        self.below.append((position + 1, position + 1))
        self.values.append(node.values if isinstance(node, Leaf) else (0.0,) * scores)
        if isinstance(node, Split):
            self.features[position] = node.feature + 1 + (wide if node.missing_left else 0)
            self.thresholds[position] = node.threshold
            self.below[position] = (self.add(node.left, wide, scores), self.add(node.right, wide, scores))
        return position + 1


def walk_statements(
    dialect: Dialect, name: str, ensemble: Ensemble, terms: tuple[Term, ...]
) -> tuple[list[str], list[str]]:
    """Declarations, and statements that assign to `name` the array of the scores' sums.

    Every tree must split by thresholds alone and add to every score.

    Where a missing value goes left, the node looks at a second copy of the feature, in which NaN is -Infinity: that is less
    than any threshold, as NaN is more.
    """
    nodes, wide, scores = _Nodes(), len(terms), range(ensemble.scores)
    roots = [nodes.add(tree.root, wide, ensemble.scores) for tree in ensemble.trees]
    nan, least = dialect.number(float("nan")), dialect.number(float("-inf"))
    copies = [str(term) for term in terms]
    if max(nodes.features) > wide:
        copies += [f"CASE WHEN {term} = {nan} THEN {least} ELSE {term} END" for term in terms]
    lefts, rights = (_integers([pair[side] for pair in nodes.below]) for side in (0, 1))
    reached = [dialect.numbers(tuple(values[k] for values in nodes.values)) for k in scores]
    steps = max(depth(tree.root) for tree in ensemble.trees)
    features, thresholds = _integers(nodes.features), dialect.numbers(tuple(nodes.thresholds))
    return (
        [
            "  features pg_catalog.float8[];",
            "  node pg_catalog.int4;",
            *(f"  sum{k} pg_catalog.float8 := {dialect.number(ensemble.start[k])};" for k in scores),
        ],
        [
            f"  features := ARRAY[{', '.join(copies) or nan}]::pg_catalog.float8[];",
            f"  FOREACH node IN ARRAY {_integers(roots)} LOOP",
            f"    FOR step IN 1..{steps} LOOP",
            f"      node := CASE WHEN features[({features})[node]] <= ({thresholds})[node]",
            f"        THEN ({lefts})[node] ELSE ({rights})[node] END;",
            "    END LOOP;",
            *(f"    sum{k} := sum{k} + ({reached[k]})[node];" for k in scores),
            "  END LOOP;",
            f"  {name} := ARRAY[{', '.join(f'sum{k}' for k in scores)}];",
        ],
    )


def _integers(numbers: list[int]) -> str:
    return "'{" + ",".join(map(str, numbers)) + "}'::pg_catalog.int4[]"
