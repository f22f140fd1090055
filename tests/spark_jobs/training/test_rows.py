"""Columns that cannot be learnt from are refused with what can be done about them; no Spark is needed for that."""

from types import SimpleNamespace
from typing import Any, cast

import pytest

from landfall.errors import ModelError
from landfall.spec import Estimator, Learner
from landfall.spec.learner import Task
from spark_jobs.training.rows import Origin, check_columns

TABLE = cast(Any, SimpleNamespace(dtypes=[("hr", "int"), ("sky", "string"), ("time", "timestamp")]))


@pytest.mark.parametrize(
    ("task", "mend"),
    [
        (
            "classification",
            "number the classes 0, 1, 2 ... in the features, such as "
            "F.array_position(F.array(F.lit('no'), F.lit('yes')), F.col('sky')) - 1",
        ),
        ("regression", "make it a number in the features; text can have a StringIndex stage in the learner"),
    ],
)
def test_a_label_of_text_is_refused_with_the_way_out(task: Task, mend: str) -> None:
    learner = Learner(features=("hr",), estimator=Estimator(kind="decision_tree", task=task), label="sky")
    with pytest.raises(ModelError) as refused:
        check_columns(TABLE, learner, Origin(place="features.x"))
    assert str(refused.value) == (
        "`sky` is a column of type string, which the learner takes for a number.\n  looked: features.x\n"
        f"  left: no model was registered, the champion stays\n  next: {mend}"
    )
