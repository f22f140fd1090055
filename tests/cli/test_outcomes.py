"""What a backfill says of many partitions: counts, reasons, exit codes, and the way out."""

import json
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
import typer

from landfall.cli.outcomes import Outcome, after_a_good_run, tell
from landfall.cli.output import Output
from landfall.freshness import not_honest
from landfall.ledger import Facts, Standing
from landfall.pipelines.bike_demand import FORECAST
from landfall.publishing import Made
from landfall.spec import Partition, Partitions

MAY = Partitions.parse("2015-05-01..2015-05-31").days
DAY = Outcome(feed="bike_demand/forecast", dag_id="bike_forecast", partition=MAY[0], state="published")
ACTUAL = replace(DAY, feed="bike_demand/actuals", dag_id="bike_actuals")


def memory(day: Partition) -> Outcome:
    return replace(DAY, partition=day, state="skipped", why=not_honest("bike_demand", day))


def said(capsys: Any, outcomes: list[Outcome], *, json: bool = False) -> tuple[int, str, str]:
    """Exit code, stdout and stderr."""
    try:
        tell(Output(json=json), outcomes, "http://airflow/runs/r")
        code = 0
    except typer.Exit as exit:
        code = exit.exit_code
    told = capsys.readouterr()
    return code, told.out, told.err


MEMORY = (
    "Every version of `bike_demand` that serves or served has learnt from the day or a later day: its prediction would be "
    "a memory."
)
WAY_OUT = "landfall train bike_demand --until 2015-04-30    (then the same command again)"


def test_what_was_skipped_is_not_called_done_and_the_way_out_is_offered(capsys: Any) -> None:
    assert said(capsys, [memory(day) for day in MAY]) == (
        1,
        f"bike_forecast: 0 published, 31 skipped, 0 failed\n  31 skipped: {MEMORY} (2015-05-01..2015-05-31)\n",
        "error: Nothing was published: 31 skipped.\n"
        f"  looked: 31 skipped: {MEMORY} (2015-05-01..2015-05-31)\n"
        "  left: what was published before stays\n"
        f"  next: {WAY_OUT}\n",
    )


def test_some_that_were_skipped_are_counted_with_their_reasons(capsys: Any) -> None:
    other = replace(ACTUAL, state="skipped", why="Nothing had been published in `t` for these hours.")
    assert said(capsys, [DAY, memory(MAY[1]), other]) == (
        1,
        f"bike_actuals: 0 published, 1 skipped, 0 failed\n  1 skipped: {other.why} (2015-05-01)\n"
        f"bike_forecast: 1 published, 1 skipped, 0 failed\n  1 skipped: {MEMORY} (2015-05-02)\n",
        "error: 2 of 3 partitions are not published: 2 skipped.\n"
        f"  looked: 1 skipped: {MEMORY} (2015-05-02); 1 skipped: {other.why} (2015-05-01)\n"
        "  left: the others: 1 published\n"
        "  next: landfall train bike_demand --until 2015-05-01    (then the same command again)\n",
    )


def test_what_failed_is_an_error_beside_the_whole_answer(capsys: Any) -> None:
    failed = replace(DAY, partition=MAY[1], state="failed", why="12 of 24 rows break the contract.\n  looked: ...")
    left = replace(DAY, partition=MAY[2], state="not started", why="another had failed before (--stop-on-failure)")
    code, out, err = said(capsys, [left, failed, DAY], json=True)
    assert (code, err) == (1, "")
    assert json.loads(out) == {
        "type": "RunError",
        "error": "1 of 2 runs failed: bike_forecast 2015-05-02. First: 12 of 24 rows break the contract.\n  looked: ...",
        "looked": "http://airflow/runs/r",
        "left": "the others: 1 published, 1 not started",
        "next": "mend what the message names, then the same command again",
        "counts": {"published": 1, "skipped": 0, "failed": 1, "not started": 1},
        "partitions": [
            {"feed": DAY.feed, "dag_id": DAY.dag_id, "partition": "2015-05-01", "state": "published"},
            {"feed": DAY.feed, "dag_id": DAY.dag_id, "partition": "2015-05-02", "state": "failed", "why": failed.why},
            {
                "feed": DAY.feed,
                "dag_id": DAY.dag_id,
                "partition": "2015-05-03",
                "state": "not started",
                "why": left.why,
            },
        ],
    }


@pytest.mark.parametrize("json", [False, True])
def test_nothing_left_to_do_is_no_error(capsys: Any, json: bool) -> None:
    code, out, _ = said(capsys, [], json=json)
    assert (code, out) == (
        0,
        '{"counts": {"published": 0, "skipped": 0, "failed": 0}, "partitions": []}\n'
        if json
        else "nothing was left to do\n",
    )


def test_what_is_still_stale_or_waits_is_an_error(capsys: Any) -> None:
    stale = replace(DAY, partition=MAY[1], state="stale", why="hours.csv: aaaaaaaa -> bbbbbbbb")
    waiting = replace(DAY, partition=MAY[2], state="waiting", why="no marker _SUCCESS")
    assert said(capsys, [DAY, stale, waiting]) == (
        1,
        "bike_forecast: 1 published, 0 skipped, 0 failed, 1 waiting, 1 stale\n"
        "  1 stale: hours.csv: aaaaaaaa -> bbbbbbbb (2015-05-02)\n"
        "  1 waiting: no marker _SUCCESS (2015-05-03)\n",
        "error: 2 of 3 partitions are not published: 1 waiting, 1 stale.\n"
        "  looked: 1 stale: hours.csv: aaaaaaaa -> bbbbbbbb (2015-05-02); 1 waiting: no marker _SUCCESS (2015-05-03)\n"
        "  left: the others: 1 published\n"
        "  next: landfall status\n",
    )


NOW = datetime(2015, 6, 1, tzinfo=UTC)
PUBLISHED = Made(publication=1, objects={"k": "e"}, code="c", model="1", contract="k", rows=24, published_at=NOW)
FACTS = Facts(feed=FORECAST, partition=MAY[0], objects={"k": "e"}, lacks="", made=PUBLISHED)


@pytest.mark.parametrize(
    ("standing", "began", "state", "why"),
    [
        (Standing(state="published"), NOW, "published", ""),
        (Standing(state="published"), NOW + timedelta(hours=1), "published", ""),
        (
            Standing(state="stale", why="the contract changed"),
            NOW,
            "stale",
            "published, but stale already: the contract changed",
        ),
        (Standing(state="landed", why="no run has read it"), NOW + timedelta(hours=1), "landed", "no run has read it"),
        (Standing(state="paused", why="the DAG is paused"), NOW + timedelta(hours=1), "paused", "the DAG is paused"),
        (Standing(state="late", why="no object yet"), NOW + timedelta(hours=1), "waiting", "no object yet"),
        (Standing(state="skipped", why="no rows"), NOW + timedelta(hours=1), "skipped", "no rows"),
    ],
)
def test_a_run_that_went_well_is_judged_by_what_is_published_afterwards(
    standing: Standing, began: datetime, state: str, why: str
) -> None:
    assert after_a_good_run(FACTS, standing, began) == (state, why)
