"""A saved Spark random forest as arrays, so that a day is scored in one pass over Arrow batches.

Loading the fitted PipelineModel into a session and planning its `transform` took 6 s for 24 rows; reading its nodes and
walking them takes a few tenths. The numbers are the same bit for bit, and a test holds it to that.

The format is Spark's own (org.apache.spark.ml.tree, `DecisionTreeModelReadWrite`): one row a node, numbered in pre-order
within its tree; a row of features goes left where its value is at most the threshold; the forest's prediction is the sum
of its trees' predictions, first tree first, divided by their number.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from pyspark.sql import SparkSession
from pyspark.sql import functions as F

from landfall.errors import ModelError

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt

    Floats = npt.NDArray[np.float64]
    Integers = npt.NDArray[np.int64]


@dataclass(frozen=True, kw_only=True)
class Forest:
    """The nodes of all trees in one row of arrays. Children are positions in these arrays; a leaf's are its own.

    Args:
        inputs: Names of the features, in the order of their indices.
        roots: Position of each tree's root, first tree first.
        feature: Index of the feature that a node splits on.
        threshold: Values up to this one go left.
        left: Position of the left child.
        right: Position of the right child.
        value: What the node predicts if it is a leaf.
        depth: Splits between root and deepest leaf.
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
            at = np.full(len(features), root)
            for _ in range(self.depth):
                goes_left = features[rows, self.feature[at]] <= self.threshold[at]
                at = np.where(goes_left, self.left[at], self.right[at])
            total += self.value[at]
        return total / len(self.roots)


def read_forest(spark: SparkSession, model: str, inputs: Sequence[str]) -> Forest:
    """The forest in the second stage of the PipelineModel saved at `model`, whose first assembles `inputs`.

    Raises:
        ModelError: a split is on categories, which this forest's features are not.
    """
    node = F.col("nodeData")
    nodes = (
        spark.read.parquet(f"{model}/stages/1_*/data")
        .select(
            F.col("treeID").alias("tree"),
            node["id"].alias("id"),
            node["prediction"].alias("value"),
            node["leftChild"].alias("left"),
            node["rightChild"].alias("right"),
            node["split"]["featureIndex"].alias("feature"),
            F.try_element_at(node["split"]["leftCategoriesOrThreshold"], F.lit(1)).alias("threshold"),
            node["split"]["numCategories"].alias("categories"),
        )
        .toArrow()
        .sort_by([("tree", "ascending"), ("id", "ascending")])
    )
    columns: dict[str, Any] = {name: nodes.column(name).to_numpy() for name in nodes.column_names}
    if (columns["categories"] > 0).any():
        raise ModelError(f"The forest at `{model}` splits on categories.", left="nothing was staged")
    return _assemble(columns, tuple(inputs))


def _assemble(columns: dict[str, Any], inputs: tuple[str, ...]) -> Forest:
    import numpy as np

    here = np.arange(len(columns["tree"]))
    roots = here[columns["id"] == 0]
    start = roots[np.searchsorted(columns["tree"][roots], columns["tree"])]
    leaf = columns["left"] < 0
    left = np.where(leaf, here, start + columns["left"])
    right = np.where(leaf, here, start + columns["right"])
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
