"""When to retrain and what the gate asks: what can be declared, and what is refused when it is."""

from collections.abc import Callable

import pytest

from landfall.errors import SpecError
from landfall.spec import Drift, ErrorBound, Freshness, Gate, Promotion, Retraining
from landfall.spec.learner import ESTIMATORS
from landfall.spec.retraining import BETTER_BY
from spark_jobs.training.grid import DECISIVE


def test_nothing_declared_is_once_a_week() -> None:
    assert Retraining() == Retraining(schedule="@weekly", new_rows=None, new_partitions=None, drift=(), error=None)
    assert Freshness().promotion == Promotion(approval=False, rescore=2)


@pytest.mark.parametrize(
    "only",
    [
        Retraining(schedule=None, new_rows=1),
        Retraining(schedule=None, new_partitions=1),
        Retraining(schedule=None, drift=(Drift(feature="temp", above=0.25),)),
        Retraining(schedule=None, error=ErrorBound()),
    ],
)
def test_one_reason_of_any_kind_is_enough(only: Retraining) -> None:
    assert only.schedule is None


def test_of_every_metric_that_chooses_it_is_known_whether_more_is_better() -> None:
    assert set(DECISIVE) == {task for tasks in ESTIMATORS.values() for task in tasks}
    assert set(DECISIVE.values()) <= set(BETTER_BY)


@pytest.mark.parametrize(
    ("make", "said"),
    [
        (
            lambda: Drift(feature="temp", above=0.2, statistic="kl"),  # type: ignore[arg-type]
            "There is no statistic of drift `kl`.\n  looked: known: psi, ks",
        ),
        (lambda: Drift(feature="temp", above=0), "Drift.above of `temp` is 0.\n  looked: expected more than 0"),
        (
            lambda: Drift(feature="temp", above=1.0, statistic="ks"),
            "Drift.above of `temp` is 1.0.\n  looked: expected more than 0 and less than 1",
        ),
        (
            lambda: ErrorBound(above=0),
            "ErrorBound is 0 over 7 partitions.\n  looked: expected a factor over 0 and at least one partition",
        ),
        (
            lambda: ErrorBound(partitions=0),
            "ErrorBound is 1.5 over 0 partitions.\n  looked: expected a factor over 0 and at least one partition",
        ),
        (lambda: Retraining(new_rows=0), "Retraining.new_rows is 0.\n  looked: expected 1 or more, or None"),
        (
            lambda: Retraining(new_partitions=-1),
            "Retraining.new_partitions is -1.\n  looked: expected 1 or more, or None",
        ),
        (lambda: Retraining(window=0), "Retraining.window is 0.\n  looked: expected 1 or more partitions"),
        (
            lambda: Retraining(schedule=None),
            "Retraining has no reason.\n  looked: expected at least one, such as schedule='@weekly'",
        ),
        (
            lambda: Gate(metric="rms"),
            "There is no metric `rms`. Did you mean `rmse`?\n  looked: known: rmse, mae, r2, accuracy, f1, silhouette",
        ),
        (lambda: Gate(margin=1.0), "Gate.margin is 1.0.\n  looked: expected a share between -1 and 1"),
        (lambda: Gate(worst_slice=0), "Gate.worst_slice is 0.\n  looked: expected a factor over 0"),
        (
            lambda: Gate(lowest=5, highest=1),
            "Gate has an empty range of predictions.\n  looked: 5 > 1",
        ),
        (lambda: Promotion(rescore=-1), "Promotion.rescore is -1.\n  looked: expected 0 or more partitions"),
    ],
)
def test_nonsense_is_refused_when_it_is_declared(make: Callable[[], object], said: str) -> None:
    with pytest.raises(SpecError) as refused:
        make()
    assert str(refused.value) == said
