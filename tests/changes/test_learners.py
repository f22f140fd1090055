"""The learners against others that compute the same: Spark's rule written out, river, and scikit-learn."""

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from sklearn.datasets import load_iris
from sklearn.linear_model import SGDRegressor
from sklearn.naive_bayes import GaussianNB

from landfall.changes.labels import crossed, named
from landfall.changes.learners import Bayes, KMeans, Linear, Logistic, moments
from landfall.changes.learners.learner import Numbers, no_labels
from landfall.spec.online_algorithms import (
    DecayedKMeans,
    GaussianBayes,
    LearningRate,
    SgdClassification,
    SgdRegression,
)

FLOWERS = load_iris()
ORDER = np.random.default_rng(1936).permutation(150)
ROWS, CLASSES = FLOWERS.data[ORDER], FLOWERS.target[ORDER].astype(float)
SMALL = st.floats(-100, 100, allow_nan=False, width=32)


def tables(columns: int = 3, *, least: int = 1, most: int = 30):
    return st.integers(least, most).flatmap(lambda rows: hnp.arrays(np.float64, (rows, columns), elements=SMALL))


# --- k-means ----------------------------------------------------------------------------------------------------------


def spark_update(centers, weights, rows, decay, unit):
    """`StreamingKMeansModel.update` of Spark 4.0, line for line."""
    centers, weights = [list(center) for center in centers], list(weights)
    stats: dict[int, tuple[list[float], int]] = {}
    for row in rows:
        label = min(range(len(centers)), key=lambda k: sum((a - b) ** 2 for a, b in zip(row, centers[k], strict=True)))
        total, count = stats.get(label, ([0.0] * len(row), 0))
        stats[label] = ([a + b for a, b in zip(total, row, strict=True)], count + 1)
    discount = decay if unit == "steps" else decay ** sum(count for _, count in stats.values())
    weights = [weight * discount for weight in weights]
    for label, (total, count) in stats.items():
        updated = weights[label] + count
        share = count / max(updated, 1e-16)
        weights[label] = updated
        centers[label] = [c * (1.0 - share) for c in centers[label]]
        centers[label] = [c + share / count * x for c, x in zip(centers[label], total, strict=True)]
    largest, smallest = int(np.argmax(weights)), int(np.argmin(weights))
    if weights[smallest] < 1e-8 * weights[largest]:
        weights[largest] = weights[smallest] = (weights[largest] + weights[smallest]) / 2.0
        for j, x in enumerate(list(centers[largest])):
            apart = 1e-14 * max(abs(x), 1.0)
            centers[largest][j], centers[smallest][j] = x + apart, x - apart
    return centers, weights


@pytest.mark.parametrize("unit", ["rows", "steps"])
@pytest.mark.parametrize("decay", [1.0, 0.9, 0.1, 0.0])
def test_k_means_is_the_rule_of_spark(unit, decay):
    learner = KMeans(DecayedKMeans(clusters=3, decay=decay, unit=unit), 4)
    state = learner.began(ROWS[:30])
    centers, weights = state["centers"].tolist(), state["weights"].tolist()
    for at in range(30, 150, 7):
        rows = ROWS[at : at + 7]
        state = learner.updated(state, learner.statistics(state, rows, no_labels(rows)))
        centers, weights = spark_update(centers, weights, rows.tolist(), decay, unit)
        np.testing.assert_allclose(state["centers"], centers, rtol=1e-12)
        np.testing.assert_allclose(state["weights"], weights, rtol=1e-12)


def test_after_a_half_life_half_of_the_weight_is_left():
    learner = KMeans(DecayedKMeans(clusters=1, half_life=10), 1)
    state = {"centers": np.array([[0.0]]), "weights": np.array([8.0])}
    rows = np.full((10, 1), 3.0)
    assert learner.updated(state, learner.statistics(state, rows, no_labels(rows)))["weights"] == pytest.approx([14.0])
    faster = learner.updated(state, learner.statistics(state, rows, no_labels(rows)), faster=True)
    assert faster["weights"] == pytest.approx([12.0])


def test_a_dying_cluster_takes_half_of_the_largest():
    learner = KMeans(DecayedKMeans(clusters=2, decay=0.0), 1)
    state = {"centers": np.array([[0.0], [100.0]]), "weights": np.array([5.0, 5.0])}
    rows = np.array([[1.0], [3.0]])
    after = learner.updated(state, learner.statistics(state, rows, no_labels(rows)))
    assert after["weights"].tolist() == [1.0, 1.0]
    np.testing.assert_allclose(after["centers"], [[2.0], [2.0]], rtol=1e-13)
    assert after["centers"][0, 0] > after["centers"][1, 0]


@settings(deadline=None, max_examples=25)
@given(rows=tables(), cut=st.integers(0, 30))
def test_what_two_machines_saw_is_what_one_would_have_seen(rows, cut):
    for learner, labels in (
        (KMeans(DecayedKMeans(clusters=3, decay=0.9), 3), no_labels(rows)),
        (Linear(SgdRegression(), 3), rows[:, 0] * 2),
        (Logistic(SgdClassification(), 3, 3), (np.abs(rows[:, 0]) // 1) % 3),
        (Bayes(GaussianBayes(), 3, 3), (np.abs(rows[:, 0]) // 1) % 3),
    ):
        state = learner.began(rows)
        whole = learner.statistics(state, rows, labels)
        parts = [learner.statistics(state, rows[part], labels[part]) for part in (slice(cut), slice(cut, None))]
        together = learner.merged(*parts)
        assert sorted(together) == sorted(whole)
        for name in whole:
            np.testing.assert_allclose(together[name], whole[name], rtol=1e-9, atol=1e-6)


@settings(deadline=None, max_examples=25)
@given(rows=tables(2, least=1, most=20), far=st.sampled_from([500.0, 1000.0]))
def test_without_decay_one_row_at_a_time_is_as_good_as_one_batch(rows, far):
    """As long as the rows stay nearest to the same centers: each center is the mean of what was nearest to it."""
    learner = KMeans(DecayedKMeans(clusters=2), 2)
    state: Numbers = {"centers": np.array([[0.0, 0.0], [far, far]]), "weights": np.array([1.0, 1.0])}
    rows = np.concatenate([rows, rows + far])
    batch = learner.updated(state, learner.statistics(state, rows, no_labels(rows)))
    for row in rows:
        state = learner.updated(state, learner.statistics(state, row[None], np.array([np.nan])))
    np.testing.assert_allclose(state["weights"], batch["weights"])
    np.testing.assert_allclose(state["centers"], batch["centers"], rtol=1e-9, atol=1e-9)


def test_with_fewer_rows_than_clusters_there_are_fewer_clusters():
    learner = KMeans(DecayedKMeans(clusters=3), 4)
    assert np.isnan(learner.answers(learner.start(), ROWS[:2])).all()
    assert len(learner.began(ROWS[:0])["centers"]) == 0
    assert learner.answers(learner.began(ROWS[:1]), ROWS[:5]).tolist() == [0.0] * 5
    assert len(learner.began(np.concatenate([ROWS[:2]] * 5))["centers"]) == 2


# --- linear and logistic ----------------------------------------------------------------------------------------------

RATES = [LearningRate(first=0.01), LearningRate(first=0.05, power=0.25), LearningRate(first=0.1, power=0.5)]
SCALED = (ROWS - ROWS.mean(axis=0)) / ROWS.std(axis=0)


def named_values(row):
    return {str(at): value for at, value in enumerate(row)}


def row_by_row(learner, rows, labels):
    state = learner.start()
    for at in range(len(rows)):
        some = slice(at, at + 1)
        state = learner.updated(state, learner.statistics(state, rows[some], labels[some]))
    return state


@pytest.mark.parametrize("rate", RATES)
def test_linear_regression_is_that_of_scikit_learn(rate):
    target = ROWS[:, 3] * 2 + 1
    theirs = SGDRegressor(penalty=None, learning_rate="invscaling", eta0=rate.first, power_t=rate.power, average=False)
    for at in range(150):
        theirs.partial_fit(SCALED[at : at + 1], target[at : at + 1])
    ours = row_by_row(learner := Linear(SgdRegression(rate=rate), 4), SCALED, target)
    # scikit-learn counts steps anew with each partial_fit unless t_ goes on, which it does.
    np.testing.assert_allclose(ours["weights"][0], theirs.coef_, rtol=1e-9)
    np.testing.assert_allclose(ours["intercepts"], theirs.intercept_, rtol=1e-9)
    np.testing.assert_allclose(learner.answers(ours, SCALED), theirs.predict(SCALED), rtol=1e-9)


def test_linear_regression_is_that_of_river():
    linear_model, optim = pytest.importorskip("river.linear_model"), pytest.importorskip("river.optim")
    rate = LearningRate(first=0.02)
    theirs = linear_model.LinearRegression(optim.SGD(rate.first), intercept_lr=rate.first, loss=optim.losses.Squared())
    target = ROWS[:, 3] * 2 + 1
    for row, y in zip(SCALED, target, strict=True):
        theirs.learn_one(dict(enumerate(row)), y)
    # river's squared loss has no factor of a half, so its gradient is twice ours.
    ours = row_by_row(Linear(SgdRegression(rate=LearningRate(first=0.04)), 4), SCALED, target)
    np.testing.assert_allclose(ours["weights"][0], [theirs.weights[at] for at in range(4)], rtol=1e-9)
    assert ours["intercepts"][0] == pytest.approx(theirs.intercept)


def test_logistic_regression_is_that_of_river():
    linear_model, optim = pytest.importorskip("river.linear_model"), pytest.importorskip("river.optim")
    theirs = linear_model.LogisticRegression(optim.SGD(0.05), intercept_lr=0.05, l2=0.01)
    labels = (CLASSES == 2).astype(float)
    for row, y in zip(SCALED, labels, strict=True):
        theirs.learn_one(dict(enumerate(row)), bool(y))
    learner = Logistic(SgdClassification(rate=LearningRate(first=0.05), l2=0.01), 4, 2)
    ours = row_by_row(learner, SCALED, labels)
    np.testing.assert_allclose(ours["weights"][0], [theirs.weights[at] for at in range(4)], rtol=1e-9)
    expected = [theirs.predict_proba_one(dict(enumerate(row)))[True] for row in SCALED]
    np.testing.assert_allclose(learner.probabilities(ours, SCALED)[:, 1], expected, rtol=1e-9)


def test_softmax_regression_is_that_of_river():
    linear_model, optim = pytest.importorskip("river.linear_model"), pytest.importorskip("river.optim")
    theirs = linear_model.SoftmaxRegression(optim.SGD(0.05), l2=0)
    for row, y in zip(SCALED, CLASSES, strict=True):
        theirs.learn_one({"one": 1.0, **named_values(row)}, int(y))  # river's has no intercept
    learner = Logistic(SgdClassification(rate=LearningRate(first=0.05)), 4, 3)
    ours = row_by_row(learner, SCALED, CLASSES)
    expected = [
        [theirs.predict_proba_one({"one": 1.0, **named_values(row)})[k] for k in range(3)] for row in SCALED[-20:]
    ]
    # river knows a class only after its first row, so its first steps differ a little.
    np.testing.assert_allclose(learner.probabilities(ours, SCALED[-20:]), expected, atol=0.05)
    assert (learner.answers(ours, SCALED) == CLASSES).mean() > 0.8


def test_a_step_of_several_rows_goes_along_their_mean_gradient():
    learner = Linear(SgdRegression(rate=LearningRate(first=0.1)), 4)
    target = ROWS[:, 3]
    state = row_by_row(learner, SCALED[:20], target[:20])
    residual = SCALED[20:30] @ state["weights"][0] + state["intercepts"][0] - target[20:30]
    after = learner.updated(state, learner.statistics(state, SCALED[20:30], target[20:30]))
    np.testing.assert_allclose(after["weights"][0], state["weights"][0] - 0.1 * (SCALED[20:30].T @ residual) / 10)


def test_rows_without_a_label_move_nothing():
    for learner in (Linear(SgdRegression(), 4), Logistic(SgdClassification(), 4, 3)):
        state = row_by_row(learner, SCALED[:20], CLASSES[:20])
        after = learner.updated(state, learner.statistics(state, SCALED[:3], no_labels(SCALED[:3])))
        assert {name: array.tolist() for name, array in after.items()} == {n: a.tolist() for n, a in state.items()}
        assert np.isnan(learner.answers(learner.start(), SCALED[:2])).all()


# --- naive Bayes, moments ---------------------------------------------------------------------------------------------


def test_naive_bayes_is_that_of_scikit_learn():
    theirs = GaussianNB(var_smoothing=0)
    learner = Bayes(GaussianBayes(smoothing=0), 4, 3)
    state = learner.start()
    for at in range(0, 150, 11):
        rows, labels = ROWS[at : at + 11], CLASSES[at : at + 11]
        theirs.partial_fit(rows, labels, classes=[0, 1, 2])
        state = learner.updated(state, learner.statistics(state, rows, labels))
    np.testing.assert_allclose(state["mean"], theirs.theta_, rtol=1e-10)
    np.testing.assert_allclose(moments.variance(state), theirs.var_, rtol=1e-10)
    assert (learner.answers(state, ROWS) == theirs.predict(ROWS)).all()


def test_naive_bayes_agrees_with_river():
    naive_bayes = pytest.importorskip("river.naive_bayes")
    theirs, learner = naive_bayes.GaussianNB(), Bayes(GaussianBayes(), 4, 3)
    for row, y in zip(ROWS, CLASSES, strict=True):
        theirs.learn_one(dict(enumerate(row)), int(y))
    state = row_by_row(learner, ROWS, CLASSES)
    agreed = np.array([theirs.predict_one(dict(enumerate(row))) for row in ROWS]) == learner.answers(state, ROWS)
    assert agreed.mean() > 0.98  # river takes the variance of a sample, we that of the population


@settings(deadline=None, max_examples=25)
@given(rows=tables(least=2))
def test_naive_bayes_of_single_rows_is_that_of_one_batch(rows):
    learner = Bayes(GaussianBayes(), 3, 2)
    labels = (np.arange(len(rows)) % 2).astype(float)
    single, batch = row_by_row(learner, rows, labels), learner.statistics(learner.start(), rows, labels)
    for name in batch:
        np.testing.assert_allclose(single[name], batch[name], rtol=1e-7, atol=1e-6)


def test_a_class_without_rows_is_never_the_answer():
    learner = Bayes(GaussianBayes(), 1, 3)
    state = row_by_row(learner, np.array([[1.0], [1.0], [9.0]]), np.array([0.0, 0.0, 2.0]))
    assert learner.answers(state, np.array([[0.0], [5.0], [9.0]])).tolist()[::2] == [0.0, 2.0]
    assert np.isnan(learner.answers(learner.start(), np.zeros((1, 1)))).all()


def test_the_scaler_is_that_of_river():
    preprocessing = pytest.importorskip("river.preprocessing")
    theirs, seen = preprocessing.StandardScaler(), moments.no_moments(4)
    for row in ROWS:
        theirs.learn_one(dict(enumerate(row)))
        seen = moments.merged(seen, moments.moments(row[None]))
    expected = [list(theirs.transform_one(dict(enumerate(row))).values()) for row in ROWS]
    np.testing.assert_allclose(moments.scaled(ROWS, seen), expected, rtol=1e-9)
    constant = moments.moments(np.ones((5, 1)))
    assert moments.scaled(np.array([[3.0]]), constant).tolist() == [[2.0]]


# --- labels of clusters -----------------------------------------------------------------------------------------------


def test_each_label_names_the_cluster_where_it_explains_most_in_all():
    # Cluster 0 alone would take label 0, but then cluster 1 would have nothing left: 9 + 0 < 8 + 7.
    assert named(np.array([[9.0, 8.0], [7.0, 0.0]])) == (1, 0)
    assert named(np.zeros((2, 2))) == (None, None)
    assert named(np.zeros((0, 3))) == ()


def test_a_cluster_that_is_left_over_takes_the_label_of_most_of_its_rows():
    assert named(np.array([[9.0, 0.0], [0.0, 5.0], [1.0, 3.0], [0.0, 0.0]])) == (0, 1, 1, None)


def test_names_stay_where_others_explain_as_much():
    even = np.array([[2.0, 2.0], [2.0, 2.0]])
    assert {named(even, before) for before in ((0, 1), (1, 0))} == {(0, 1), (1, 0)}
    assert named(even, (1, 0)) == (1, 0)


@settings(deadline=None, max_examples=25)
@given(counts=hnp.arrays(np.float64, (3, 3), elements=st.integers(0, 50).map(float)))
def test_no_other_assignment_explains_more(counts):
    from itertools import permutations

    names = named(counts)
    best = max(sum(counts[k, label] for k, label in enumerate(order)) for order in permutations(range(3)))
    assert math.isclose(sum(counts[k, label] for k, label in enumerate(names) if label is not None), best) or (
        len(set(names)) < 3  # a left-over cluster took a label that was taken already
    )


def test_rows_without_a_label_name_nothing():
    clusters, labels = np.array([0.0, 1.0, np.nan, 1.0]), np.array([2.0, np.nan, 1.0, 0.0])
    assert crossed(clusters, labels, (2, 3)).tolist() == [[0, 0, 1], [1, 0, 0]]
