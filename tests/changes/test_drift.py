"""The tests of drift against river's, and their states as JSON."""

import json

import numpy as np
import pytest

from landfall.changes.drift import Adwin, PageHinkley, detector_of
from landfall.spec.online import DriftAlarm


def alarms(test, errors):
    state, found = test.start(), []
    for at, error in enumerate(errors):
        state, alarmed = test.after(json.loads(json.dumps(state)), float(error))
        if alarmed:
            found.append(at)
    return found


def errors(seed, *parts):
    """0 or 1, with the shares and lengths of `parts`."""
    random = np.random.default_rng(seed)
    return np.concatenate([(random.random(rows) < share).astype(float) for share, rows in parts])


@pytest.mark.parametrize("seed", range(5))
def test_page_hinkley_alarms_where_that_of_river_does(seed):
    drift = pytest.importorskip("river.drift")
    values = errors(seed, (0.1, 1500), (0.6, 1500), (0.1, 1000), (0.9, 1000))
    theirs, expected = drift.PageHinkley(delta=0.01, threshold=30, mode="up"), []
    for at, value in enumerate(values):
        theirs.update(value)
        if theirs.drift_detected:
            expected.append(at)
    found = alarms(PageHinkley(delta=0.01, threshold=30), values)
    assert found == expected
    assert len(found) >= 2


@pytest.mark.parametrize("seed", range(5))
def test_adwin_finds_a_rise_about_where_that_of_river_does(seed):
    drift = pytest.importorskip("river.drift")
    values = errors(seed, (0.1, 2000), (0.4, 2000))
    theirs, expected = drift.ADWIN(delta=0.002), []
    for at, value in enumerate(values):
        theirs.update(value)
        if theirs.drift_detected:
            expected.append(at)
    found = [at for at in alarms(Adwin(delta=0.002), values) if at >= 2000]
    after = [at for at in expected if at >= 2000]
    assert found
    assert after
    assert abs(found[0] - after[0]) <= 64


def test_adwin_forgets_what_was_before_and_keeps_few_buckets():
    test, state = Adwin(), Adwin().start()
    for value in errors(3, (0.1, 2000), (0.7, 2000)):
        state, _ = test.after(state, float(value))
    assert test.width(state) < 2500
    assert sum(map(len, state["levels"])) <= 5 * len(state["levels"])
    kept = sum(total for level in state["levels"] for total, _ in level)
    assert kept / test.width(state) == pytest.approx(0.7, abs=0.06)


def test_a_learner_that_gets_better_alarms_nobody():
    assert alarms(Adwin(), errors(1, (0.6, 1000), (0.1, 1000))) == []
    assert alarms(PageHinkley(threshold=60), errors(1, (0.6, 1000), (0.1, 1000))) == []


@pytest.mark.parametrize("seed", range(3))
def test_errors_that_stay_as_they_are_rarely_alarm(seed):
    assert len(alarms(Adwin(), errors(seed, (0.2, 5000)))) <= 1


def test_a_declaration_names_its_test():
    assert isinstance(detector_of(DriftAlarm()), Adwin)
    assert isinstance(detector_of(DriftAlarm(test="page_hinkley")), PageHinkley)
