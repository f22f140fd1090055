"""The two pictures of a model."""

import math

import pytest

from landfall.models.plots import actual_versus_predicted, importances

PNG = b"\x89PNG\r\n\x1a\n"


@pytest.mark.parametrize(
    "sample",
    [
        [[1.0, 2.0]] * 500,
        [[float(n), n * 1.1] for n in range(500)],
        [[math.nan, 1.0], [1.0, math.inf]],
        [[0, 1], [1, 1]],
        [[None, 1.0], [1.0, "high"], [2.0, 3.0]],
        [],
    ],
)
def test_any_sample_of_numbers_gives_a_small_picture(tmp_path, sample):
    actual_versus_predicted(sample, "cnt", tmp_path / "a.png")
    content = (tmp_path / "a.png").read_bytes()
    assert content.startswith(PNG)
    assert len(content) < 100_000


def test_of_many_features_the_most_important_are_shown(tmp_path):
    importances({f"f{n}": n / 100 for n in range(500)}, tmp_path / "i.png")
    content = (tmp_path / "i.png").read_bytes()
    assert content.startswith(PNG)
    assert len(content) < 100_000
