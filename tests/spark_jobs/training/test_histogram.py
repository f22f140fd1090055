"""Bins and the distances between histograms, held against numpy, scipy and the formulas written out."""

import math
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import ks_2samp

from spark_jobs.training.histogram import Bins, describe, distances, ks, psi, read_bins

CHANCE = np.random.default_rng(7)
NORMAL = CHANCE.normal(size=20_000)
ANY = st.floats(allow_nan=True, allow_infinity=True)
SHAPES = {
    "normal": NORMAL,
    "hours": CHANCE.integers(0, 24, 20_000).astype(float),
    "heavy tail": np.exp(5 * NORMAL),
    "one value": np.zeros(10),
    "the whole range of doubles": np.array([1.7e308, -1.7e308, 0.0]),
    "the smallest doubles": np.array([5e-324, 0.0, -5e-324]),
    "denormal": NORMAL * 1e-310,
    "with an outlier": np.append(NORMAL, 1e18),
    "with what is no number": np.append(NORMAL, [math.nan, math.inf, -math.inf]),
}


def found_slowly(bins: Bins, values: Any) -> list[int]:
    """The counts of `Bins.histogram`, by numpy's own binary search."""
    bin_of = np.searchsorted(bins.edges, values, side="right")
    bin_of[np.isnan(values)] = len(bins.edges) + 1
    return np.bincount(bin_of, minlength=bins.count).tolist()


@pytest.mark.parametrize("shape", SHAPES)
def test_values_are_counted_as_a_binary_search_counts_them(shape: str) -> None:
    bins = Bins.of(SHAPES[shape])
    edges = [*bins.edges, *np.nextafter(bins.edges, -math.inf), *np.nextafter(bins.edges, math.inf)]
    values = np.concatenate([SHAPES[shape], NORMAL, edges, [math.nan, math.inf, -math.inf, 0.0, -0.0]])
    assert bins.histogram(values).tolist() == found_slowly(bins, values)


@settings(deadline=None)
@given(st.lists(ANY, min_size=1, max_size=300), st.lists(ANY, max_size=300))
def test_any_values_are_counted_as_a_binary_search_counts_them(before: list[float], after: list[float]) -> None:
    bins, values = Bins.of(np.array(before)), np.array(after, dtype=float)
    assert bins.histogram(values).tolist() == found_slowly(bins, values)


@pytest.mark.parametrize("shape", SHAPES)
def test_none_of_the_values_that_bins_are_made_of_is_outside_of_them(shape: str) -> None:
    told: Any = describe(SHAPES[shape])
    infinite = int(np.isinf(SHAPES[shape]).sum())
    assert told["counts"][0] + told["counts"][-1] == infinite
    assert told["missing"] == int(np.isnan(SHAPES[shape]).sum())
    assert sum(told["counts"]) + told["missing"] == told["rows"] == len(SHAPES[shape])


def test_up_to_a_hundred_distinct_values_have_bins_of_their_own() -> None:
    told: Any = describe(np.array([3.0, 1.0, 3.0, 2.0, 3.0]))
    assert told["edges"][:3] == [1.0, 2.0, 3.0]
    assert told["counts"] == [0, 1, 1, 3, 0]


def test_more_distinct_values_are_taken_together_to_a_hundred_bins_of_equal_mass() -> None:
    told: Any = describe(NORMAL)
    assert len(told["edges"]) == 101
    assert set(told["counts"][1:-1]) == {200}


def test_a_reference_survives_json_unchanged() -> None:
    import json

    told = json.loads(json.dumps(describe(NORMAL)))
    assert read_bins(told).edges.tolist() == Bins.of(NORMAL).edges.tolist()


def test_the_same_values_have_not_drifted() -> None:
    told = describe(NORMAL)
    assert distances(told, Bins.of(NORMAL).histogram(NORMAL).tolist()) == {"psi": 0.0, "ks": 0.0}


def test_psi_is_the_sum_over_ten_groups() -> None:
    after = NORMAL[:5000] + 0.3
    bins = Bins.of(NORMAL)
    edges = [-math.inf, *np.quantile(NORMAL, np.linspace(0, 1, 11)), math.inf]
    edges[-2] = np.nextafter(edges[-2], math.inf)
    shares = [np.histogram(values, edges)[0] / len(values) for values in (NORMAL, after)]
    b, a = (np.maximum(each, 1e-4) for each in shares)
    got = psi(bins.histogram(NORMAL).tolist(), bins.histogram(after).tolist())
    assert got == pytest.approx(float(((a - b) * np.log(a / b)).sum()), abs=0.002)


def test_ks_is_nearly_that_of_scipy() -> None:
    after = NORMAL[:5000] * 1.4 + 0.2
    bins = Bins.of(NORMAL)
    got = ks(bins.histogram(NORMAL).tolist(), bins.histogram(after).tolist())
    exact = float(ks_2samp(NORMAL, after).statistic)
    assert exact - 0.01 <= got <= exact + 1e-9


def test_a_feature_that_never_changed_and_now_does_has_drifted() -> None:
    never = np.zeros(1000)
    told = distances(describe(never), Bins.of(never).histogram(np.ones(50)).tolist())
    assert told["psi"] > 10
    assert told["ks"] == 1.0


def test_a_feature_whose_values_are_gone_has_drifted() -> None:
    told = distances(describe(NORMAL), Bins.of(NORMAL).histogram(np.full(50, math.nan)).tolist())
    assert told["psi"] > 10
    assert told["ks"] == 1.0


def test_other_units_are_drift() -> None:
    temperature = CHANCE.uniform(0.1, 0.9, 5000)
    told = distances(describe(temperature), Bins.of(temperature).histogram(temperature[:300] * 41).tolist())
    assert told["psi"] > 5
    assert told["ks"] > 0.9
