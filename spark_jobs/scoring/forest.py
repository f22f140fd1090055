"""A saved Spark random forest as arrays, so that a day is scored in one pass over Arrow batches.

Loading the fitted PipelineModel into a session and planning its `transform` took 6 s for 24 rows; reading its nodes and
walking them takes a few hundredths. The numbers are the same bit for bit, and a test checks this.

The format is Spark's own (org.apache.spark.ml.tree, `DecisionTreeModelReadWrite`): one row per node, numbered in pre-order
within its tree. A row of features goes left if its value is at most the threshold. The forest's prediction is the sum of its
trees' predictions, first tree first, divided by the number of trees.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from landfall.errors import ModelError
from landfall.scoring.spark_saved import SparkStage
from spark_jobs.files import read_table

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt

    Floats = npt.NDArray[np.float64]
    Integers = npt.NDArray[np.int64]


@dataclass(frozen=True, kw_only=True)
class Forest:
    """The nodes of all trees, in arrays. Children are positions in these arrays; a leaf is its own child.

    Args:
        inputs: Names of the features, in the order of their indices.
        roots: Position of each tree's root, first tree first.
        feature: Index of the feature that a node splits on.
        threshold: Values up to this one go left.
        left: Position of the left child.
        right: Position of the right child.
        value: What the node predicts if it is a leaf.
        depth: The number of splits between the root and the deepest leaf.
    """

    inputs: tuple[str, ...]
    roots: "Integers"
    feature: "Integers"
    threshold: "Floats"
    left: "Integers"
    right: "Integers"
    value: "Floats"
    depth: int

    def predict(self, features: "Floats") -> "Floats":
        """The prediction of each row of `features` (rows x inputs)."""
        import numpy as np

        total = np.zeros(len(features))
        rows = np.arange(len(features))
        for root in self.roots:
            node = np.full(len(features), root)
            for _ in range(self.depth):
                goes_left = features[rows, self.feature[node]] <= self.threshold[node]
                node = np.where(goes_left, self.left[node], self.right[node])
            total += self.value[node]
        return total / len(self.roots)


def read_forest(model: str, stages: Sequence[SparkStage]) -> Forest | None:
    """The forest of the PipelineModel saved at `model`, if that is an assembler of columns and a random forest; else None.

    Raises:
        ModelError: a node splits on categories, which this code cannot walk.
        ComputeError: there is no model, or it cannot be read.
    """
    if [stage.kind for stage in stages] != ["VectorAssembler", "RandomForestRegressionModel"]:
        return None
    inputs = stages[0].inputs
    nodes = read_table(model + "/stages", "1_*/data/*.parquet")
    node = nodes["nodeData"].combine_chunks()
    split = node.field("split")
    columns = {
        "tree": nodes["treeID"].to_numpy(),
        "id": node.field("id").to_numpy(),
        "value": node.field("prediction").to_numpy(),
        "left": node.field("leftChild").to_numpy(),
        "right": node.field("rightChild").to_numpy(),
        "feature": split.field("featureIndex").to_numpy(),
        "threshold": _first_of_each(split.field("leftCategoriesOrThreshold")),
        "categories": split.field("numCategories").to_numpy(),
    }
    if (columns["categories"] > 0).any():
        raise ModelError(f"The forest at `{model}` splits on categories.", left="nothing was staged")
    return _assemble(_sorted(columns), inputs)


def _first_of_each(lists: Any) -> "Floats":
    """The first number of each list; NaN for an empty list (a leaf's)."""
    import numpy as np

    starts, ends = lists.offsets.to_numpy()[:-1], lists.offsets.to_numpy()[1:]
    values = np.append(lists.values.to_numpy(zero_copy_only=False), np.nan)
    return np.where(ends > starts, values[np.minimum(starts, len(values) - 1)], np.nan)


def _sorted(columns: dict[str, Any]) -> dict[str, Any]:
    """The columns sorted by tree, and within it by node."""
    import numpy as np

    order = np.lexsort((columns["id"], columns["tree"]))
    return {name: values[order] for name, values in columns.items()}


def _assemble(columns: dict[str, Any], inputs: tuple[str, ...]) -> Forest:
    import numpy as np

    positions = np.arange(len(columns["tree"]))
    roots = positions[columns["id"] == 0]
    start = roots[np.searchsorted(columns["tree"][roots], columns["tree"])]
    leaf = columns["left"] < 0
    left = np.where(leaf, positions, start + columns["left"])
    right = np.where(leaf, positions, start + columns["right"])
    return Forest(
        inputs=inputs,
        roots=roots,
        feature=np.where(leaf, 0, columns["feature"]).astype(np.int64),
        threshold=np.where(leaf, 0.0, columns["threshold"]),
        left=left,
        right=right,
        value=columns["value"],
        depth=_depth(roots, left, right),
    )


def _depth(roots: "Integers", left: "Integers", right: "Integers") -> int:
    import numpy as np

    depth, level = 0, roots
    while len(level := level[left[level] != level]):
        depth, level = depth + 1, np.concatenate([left[level], right[level]])
    return depth
