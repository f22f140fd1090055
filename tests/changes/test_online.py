"""A learner at work: it answers before it learns, and neither batches nor restarts change one bit of its state."""

from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.datasets import load_iris

from landfall.changes.online import Online
from landfall.spec.online import DriftAlarm, OnlineLearner, SourceTable
from landfall.spec.online_algorithms import DecayedKMeans, GaussianBayes, SgdClassification, SgdRegression

FLOWERS = load_iris()
ORDER = np.random.default_rng(7).permutation(150)
ROWS, CLASSES = FLOWERS.data[ORDER], FLOWERS.target[ORDER].astype(float)
NAMES = ("setosa", "versicolor", "virginica")


def declared(algorithm, **fields):
    usual: dict[str, Any] = {"label": "species", "classes": NAMES}
    return OnlineLearner(
        name="flowers", database="flowers", learns_from=SourceTable(name="train"), features=("a", "b", "c", "d"),
        algorithm=algorithm, **{**usual, **fields},
    )  # fmt: skip


EVERY = {
    "k-means": declared(DecayedKMeans(clusters=3, half_life=50), step=5, window=20),
    "k-means, one row a step": declared(DecayedKMeans(clusters=3, decay=0.99), step=1, scaled=True),
    "k-means that forgets faster": declared(
        DecayedKMeans(clusters=3, half_life=50), step=4, window=15,
        drift=DriftAlarm(test="page_hinkley", threshold=1.0, delta=0.01, then="faster"),
    ),
    "k-means without labels": declared(DecayedKMeans(clusters=2), label="", classes=(), step=3),
    "softmax": declared(SgdClassification(), scaled=True, step=7),
    "bayes": declared(GaussianBayes(), step=3),
    "linear": declared(SgdRegression(), classes=(), scaled=True, step=4),
}  # fmt: skip


@pytest.fixture(params=EVERY)
def online(request):
    return Online(EVERY[request.param])


@settings(max_examples=8, deadline=None)
@given(cuts=st.lists(st.integers(0, 150), max_size=8))
@pytest.mark.parametrize("name", EVERY)
def test_batches_and_restarts_change_not_one_bit(name, cuts):
    online = Online(EVERY[name])
    labels = np.where(np.arange(150) % 11 == 3, np.nan, CLASSES)
    labels[90:] = (labels[90:] + 1) % 3  # the world changes
    whole = online.learnt(online.start(), ROWS, labels)
    state, answers, numbers = online.start(), [], []
    for begin, end in zip([0, *sorted(cuts)], [*sorted(cuts), 150], strict=True):
        lesson = Online(EVERY[name]).learnt(online.from_json(online.to_json(state)), ROWS[begin:end], labels[begin:end])
        state = lesson.state
        answers += lesson.answers.tolist()
        numbers += lesson.numbers.tolist()
    assert online.to_json(state) == online.to_json(whole.state)
    np.testing.assert_array_equal(answers, whole.answers)
    assert numbers == whole.numbers.tolist()


def test_a_state_is_plain_numbers_and_comes_back_bit_for_bit(online):
    for rows in (0, 1, 2, 31, 150):
        state = online.learnt(online.start(), ROWS[:rows], CLASSES[:rows]).state
        again = online.from_json(online.to_json(state))
        assert online.to_json(again) == online.to_json(state)
        for name, array in state.learner.items():
            assert again.learner[name].tobytes() == array.tobytes()
            assert again.learner[name].shape == array.shape


def test_a_row_is_answered_before_it_is_learnt():
    online = Online(EVERY["bayes"])
    lesson = online.learnt(online.start(), ROWS[:4], CLASSES[:4])
    assert np.isnan(lesson.answers[:3]).all()  # the first step of three rows was not over
    assert lesson.numbers.tolist() == [0, 0, 0, 1]
    assert lesson.state.error.count == 1


def test_the_error_falls_with_what_was_learnt():
    online = Online(EVERY["k-means"])
    lesson = online.learnt(online.start(), ROWS, CLASSES)
    first = online.learnt(online.start(), ROWS[:10], CLASSES[:10]).state.error
    assert (lesson.state.error.window_error or 0.0) < max(first.error or 0.0, 0.3)
    assert 0 < (lesson.state.error.error or 0.0) < 0.5
    assert lesson.state.error.count == 149  # nothing was known before the first row
    assert set(lesson.state.names) == {0, 1, 2}


def test_accuracy_on_rows_it_has_not_seen_rises_with_each_pass():
    online, test = Online(EVERY["k-means"]), slice(139, 150)

    def accuracy(state):
        return float(np.mean(online.answers(state, ROWS[test])[1] == CLASSES[test]))

    first = online.learnt(online.start(), ROWS[:1], CLASSES[:1]).state
    second = online.learnt(first, ROWS[1:40], CLASSES[1:40]).state
    third = online.learnt(second, ROWS[40:139], CLASSES[40:139]).state
    assert accuracy(first) < accuracy(second)
    assert accuracy(first) < accuracy(third)


def test_clusters_get_their_labels_and_each_change_is_told():
    online = Online(EVERY["k-means"])
    lesson = online.learnt(online.start(), ROWS, CLASSES)
    numbers = [number for number, _ in lesson.renamed]
    assert numbers == sorted(numbers)
    assert lesson.renamed[-1][1] == lesson.state.names
    cluster, label = online.answers(lesson.state, np.array([[5.4, 3.7, 1.5, 0.2]]))
    assert NAMES[int(label[0])] == "setosa"
    assert lesson.state.names[int(cluster[0])] == 0


def test_a_learner_with_fewer_rows_than_clusters_answers():
    online = Online(EVERY["k-means"])
    assert np.isnan(online.answers(online.start(), ROWS[:2])).all()
    one = online.learnt(online.start(), ROWS[:1], CLASSES[:1]).state
    assert len(one.learner["centers"]) == 1
    assert online.answers(one, ROWS[:5])[1].tolist() == [CLASSES[0]] * 5


def test_a_frozen_learner_is_measured_and_learns_nothing(online):
    before = online.learnt(online.start(), ROWS[:100], CLASSES[:100]).state
    frozen = online.learnt(before, ROWS[100:], CLASSES[100:], learning=False)
    assert frozen.state.error.count == before.error.count + 50 or not online.declared.label
    assert (frozen.state.number, frozen.state.rows) == (before.number, before.rows)
    assert frozen.numbers.tolist() == [before.number] * 50
    assert online.to_json(frozen.state).split('"error"')[0] == online.to_json(before).split('"error"')[0]


def test_an_alarm_makes_k_means_forget_faster_for_a_while():
    fields = {"step": 1, "window": 15}
    alarm = DriftAlarm(test="page_hinkley", threshold=1.0, delta=0.01, then="faster")
    online = Online(declared(DecayedKMeans(clusters=3, half_life=50), drift=alarm, **fields))
    rows, labels = np.tile(ROWS, (2, 1)), np.concatenate([CLASSES, (CLASSES + 1) % 3])
    lesson = online.learnt(online.start(), rows, labels)
    assert lesson.state.alarms == len(lesson.alarms) > 0
    last = lesson.alarms[-1]
    assert online.learnt(online.start(), rows[: last + 1], labels[: last + 1]).state.faster == 15
    assert online.learnt(online.start(), rows[: last + 4], labels[: last + 4]).state.faster == 12
