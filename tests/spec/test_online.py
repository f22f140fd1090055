"""A learner's declaration refuses what makes no sense."""

from datetime import timedelta

import pytest

from landfall.errors import SpecError
from landfall.pipelines.iris_online import IRIS_ONLINE
from landfall.spec import (
    DecayedKMeans,
    DriftAlarm,
    GaussianBayes,
    LearningRate,
    OnlineLearner,
    SgdRegression,
    SlotAlert,
    SourceTable,
)

USUAL = vars(IRIS_ONLINE)


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ({"name": "Iris"}, "OnlineLearner.name is `Iris`.\n  looked: expected lower_case_words"),
        (
            {"features": ("a", "a")},
            "OnlineLearner.features of `iris_online` are a, a.\n"
            "  looked: expected names of columns, each once, and not the label",
        ),
        (
            {"algorithm": GaussianBayes(), "label": "", "classes": (), "drift": None},
            "OnlineLearner.label of `iris_online` is empty.\n  looked: a classification needs one",
        ),
        (
            {"algorithm": SgdRegression(), "drift": None},
            "OnlineLearner.classes of `iris_online` are setosa, versicolor, virginica.\n"
            "  looked: expected two names or more where the label is a class, and none elsewhere",
        ),
        (
            {"answers_for": SourceTable(name="iris_train")},
            "OnlineLearner.answers_for of `iris_online` is the table that it learns from.\n"
            "  looked: public.iris_train: its rows get predictions already, before they are learnt\n"
            "  next: leave answers_for out",
        ),
        ({"step": 0}, "OnlineLearner.step of `iris_online` is 0.\n  looked: expected 1 or more"),
        (
            {"algorithm": GaussianBayes()},
            "DriftAlarm.then of `iris_online` is `faster`.\n  looked: expected k-means: only it has a half-life",
        ),
    ],
)
def test_a_declaration_that_makes_no_sense_is_refused(fields, message):
    with pytest.raises(SpecError) as refused:
        OnlineLearner(**{**USUAL, **fields})
    assert str(refused.value) == message


@pytest.mark.parametrize(
    "make",
    [
        lambda: DecayedKMeans(clusters=0),
        lambda: DecayedKMeans(clusters=2, decay=1.5),
        lambda: DecayedKMeans(clusters=2, decay=0.5, half_life=3),
        lambda: DecayedKMeans(clusters=3, warm_up=2),
        lambda: LearningRate(first=0),
        lambda: GaussianBayes(smoothing=-1),
        lambda: DriftAlarm(delta=0),
        lambda: SourceTable(name="a.b"),
    ],
)
def test_a_number_out_of_bounds_is_refused(make):
    with pytest.raises(SpecError):
        make()


def test_a_table_has_a_topic_with_one_partition():
    topics = [IRIS_ONLINE.topic(table) for table in IRIS_ONLINE.tables]
    assert [topic.name for topic in topics] == ["iris_online.public.iris_train", "iris_online.public.iris_test"]
    assert {topic.partitions for topic in topics} == {1}


def test_a_half_life_and_a_learning_rate_are_formulas():
    assert DecayedKMeans(clusters=1, half_life=10).factor ** 10 == pytest.approx(0.5)
    assert LearningRate(first=0.1, power=0.5).at(4) == pytest.approx(0.05)


@pytest.mark.parametrize("fields", [{"behind": timedelta()}, {"mebibytes": 0}])
def test_an_alert_that_would_always_be_told_is_refused(fields):
    with pytest.raises(SpecError, match="expected a time above 0, and 1 MiB or more"):
        SlotAlert(**fields)
