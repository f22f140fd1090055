"""Feature stages: what each is made of, and what none is."""

from collections.abc import Callable

import pytest

from landfall.errors import SpecError
from landfall.spec import Buckets, OneHot, Quantiles, Scale, StringIndex
from landfall.spec.feature_stages import STAGES, FeatureStage, stage_fields

EVERY: list[FeatureStage] = [
    StringIndex(column="sky", output="sky_number"),
    Quantiles(column="temp", output="temp_bucket", buckets=4),
    Buckets(column="hr", output="part_of_day", splits=(6.0, 12.0, 18.0)),
    OneHot(column="sky_number", output="sky_vector"),
    Scale(columns=("temp", "hum"), output="weather", method="min_max"),
]


@pytest.mark.parametrize("stage", EVERY, ids=lambda stage: stage.kind)
def test_a_stage_says_what_it_reads_and_what_it_makes(stage: FeatureStage) -> None:
    fields = stage_fields(stage)
    assert stage.inputs == tuple(fields.get("columns") or (fields["column"],))  # type: ignore[arg-type]
    assert stage.output == fields["output"]


@pytest.mark.parametrize("stage", EVERY, ids=lambda stage: stage.kind)
def test_a_stage_can_be_made_of_its_fields_again(stage: FeatureStage) -> None:
    fields = stage_fields(stage)
    assert STAGES[str(fields.pop("stage"))](**fields) == stage


def test_every_kind_is_known_by_its_name() -> None:
    assert list(STAGES) == [stage.kind for stage in EVERY]


@pytest.mark.parametrize(
    ("make", "said"),
    [
        (
            lambda: Quantiles(column="temp", output="x", buckets=1),
            "Quantiles.buckets is 1.\n  looked: expected 2 or more",
        ),
        (
            lambda: Buckets(column="hr", output="x", splits=(6.0, 6.0)),
            "Buckets.splits is (6.0, 6.0).\n  looked: expected increasing numbers, at least one",
        ),
        (
            lambda: Buckets(column="hr", output="x", splits=()),
            "Buckets.splits is ().\n  looked: expected increasing numbers, at least one",
        ),
        (
            lambda: Scale(columns=("temp",), output="x", method="standart"),
            "There is no scaling `standart`. Did you mean `standard`?\n  looked: known: standard, min_max, max_abs",
        ),
        (lambda: Scale(columns=(), output="x"), "Scale.columns is empty.\n  looked: expected names of columns"),
    ],
)
def test_nonsense_is_refused_when_it_is_declared(make: Callable[[], FeatureStage], said: str) -> None:
    with pytest.raises(SpecError) as refused:
        make()
    assert str(refused.value) == said
