"""What Spark jobs report, as who asked for it reads it."""

import json
from typing import Any

import pytest

from landfall.errors import ComputeError
from landfall.spec import Partition
from landfall.spec.reports import FeaturesReport, StagedReport, Verdict
from landfall.spec.training_reports import JudgedModel, JudgedReport

GOOD, BAD, GONE = (Partition.parse(f"2012-12-2{n}") for n in (5, 6, 7))
REFUSED = Verdict(partition=str(BAD), rows=3, quarantined=21, reasons={"hr": (21, "hr is outside 0..23 (24)")})
REPORT = FeaturesReport(rows=24, quarantined=21, partitions={str(GOOD): (24, 0), str(BAD): (3, 21)}, refused=(REFUSED,))


def test_a_report_comes_through_json_as_it_was() -> None:
    assert FeaturesReport.of(json.loads(json.dumps(REPORT.as_dict()))) == REPORT
    staged = StagedReport(staged={str(GOOD): 24})
    assert StagedReport.of({"staged": {str(GOOD): 24}}) == staged


def test_a_report_within_a_report_comes_through_json_too() -> None:
    challenger = JudgedModel(metrics={"rmse": 30.0}, slices={"a=1": {"rows": 3, "rmse": 2.0}}, lowest=0.0, highest=9.0)
    for champion in (None, JudgedModel(error="the table has no column `hum`")):
        report = JudgedReport(days="2012-12-25", rows=24, challenger=challenger, champion=champion)
        assert JudgedReport.of(json.loads(json.dumps(report.as_dict()))) == report


@pytest.mark.parametrize(
    ("challenger", "said"),
    [
        ({"metrics": 5}, "The report of the Spark job has no `metrics`."),
        ({"rmse": 5.0}, "The report of the Spark job has an unknown field `rmse`."),
    ],
)
def test_a_wrong_report_within_a_report_is_an_error_by_its_name(challenger: dict[str, Any], said: str) -> None:
    with pytest.raises(ComputeError) as refused:
        JudgedReport.of({"days": "2012-12-25", "rows": 24, "challenger": challenger})
    assert refused.value.what == said


@pytest.mark.parametrize(
    ("told", "said"),
    [
        ({"staged": {}, "metrics": {}, "rows": 1}, "The report of the Spark job has an unknown field `rows`."),
        ({"metrics": {}}, "The report of the Spark job lacks the field `staged`."),
    ],
)
def test_a_field_that_is_unknown_or_missing_is_an_error_by_its_name(told: dict[str, Any], said: str) -> None:
    with pytest.raises(ComputeError) as refused:
        StagedReport.of(told)
    assert (refused.value.what, refused.value.fault) == (said, "request")


def test_the_verdict_on_a_partition_is_of_that_partition() -> None:
    assert [REPORT.passed(day) for day in (GOOD, BAD, GONE)] == [True, False, False]
    assert (REPORT.verdict(GOOD).rows, REPORT.verdict(GOOD).quarantined) == (24, 0)
    assert REPORT.verdict(BAD) == REFUSED
    assert (REPORT.verdict(GONE).rows, REPORT.verdict(GONE).reasons) == (0, {})
