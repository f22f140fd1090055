"""Handwritten digits as a stream: Spark's own sample, sent row by row, scored by a logistic regression.

The sample (`sample_libsvm_data.txt`, which comes with Spark) has 100 pictures of 28 x 28 pixels, of the digits 0 and 1. A row
has 692 pixels from 0 to 255, most of them 0, so a message holds only those that are not.
"""

from functools import cache
from typing import TYPE_CHECKING

from landfall.spec import (
    Column,
    Contract,
    Estimator,
    KafkaTopic,
    Learner,
    Stream,
    TableModel,
    Window,
)

if TYPE_CHECKING:
    import pyarrow as pa

PIXELS = 692
SAMPLE = "data/mllib/sample_libsvm_data.txt"
"""The file, below the folder of pyspark."""


@cache
def pictures() -> tuple[tuple[int, dict[int, float]], ...]:
    """The label (0 or 1) and the pixels (position from 0 -> number) of each picture, in the file's order."""
    from importlib.util import find_spec
    from pathlib import Path

    spec = find_spec("pyspark")
    folder = Path((spec.submodule_search_locations or [""])[0] if spec else "")
    lines = (folder / SAMPLE).read_text(encoding="ascii").splitlines()
    rows = [line.split() for line in lines if line.strip()]
    return tuple(
        (int(label), {int(at) - 1: float(value) for at, value in (pixel.split(":") for pixel in pixels)})
        for label, *pixels in rows
    )


def dense_pictures() -> "pa.Table":
    """One row for each picture: `pixels`, 692 numbers, and `label`."""
    import pyarrow as pa

    return pa.table(
        {
            "pixels": pa.array(
                [[pixels.get(at, 0.0) for at in range(PIXELS)] for _, pixels in pictures()], pa.list_(pa.float64())
            ),
            "label": pa.array([label for label, _ in pictures()], pa.int64()),
        }
    )


def sparse_pictures() -> list[dict[str, object]]:
    """The pictures as rows of the stream: `label`, and `pixels` by position, without those that are 0."""
    return [{"label": label, "pixels": {str(at): pixels[at] for at in sorted(pixels)}} for label, pixels in pictures()]


LIBSVM = TableModel(
    name="libsvm",
    learner=Learner(
        features=("pixels",),
        label="label",
        # The parameters of the example in Spark's documentation, but for the number of iterations.
        estimator=Estimator(
            kind="logistic",
            task="classification",
            parameters={"maxIter": 50, "regParam": 0.01, "elasticNetParam": 0.0},
        ),
    ),
    rows=dense_pictures,
    holdout=0.2,
)
LIBSVM_STREAM = Stream(
    name="libsvm_stream",
    source=KafkaTopic(name="libsvm"),
    contract=Contract(
        columns=(
            Column(name="time", type="timestamp"),
            Column(name="label", type="int", minimum=0, maximum=1),
        ),
        key=(),
        partition_by="",
    ),
    vectors={"pixels": PIXELS},
    time="time",
    label="label",
    model="libsvm",
    table="libsvm",
    sample=sparse_pictures,
    window=Window(seconds=10, by=("label",), sums={"correct": "prediction = label"}, shares={"accuracy": "correct"}),
)
