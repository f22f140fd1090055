"""`landfall status`, `explain`, `plan`, `apply`, `backfill --bulk`, and the audit in a real Airflow, over days of May 2015."""

import json
import time
from collections.abc import Callable, Iterator
from datetime import date
from pathlib import Path
from subprocess import CompletedProcess
from typing import Any

import pytest
from typer.testing import CliRunner

from landfall.cli.app import build
from landfall.cli.partitions import as_json
from landfall.ledger.airflow_runs import at_work, is_urgent
from landfall.ledger.survey import survey
from landfall.objects.client import connect
from landfall.pipelines.bike_demand import BIKE_DEMAND, FORECAST
from landfall.runs import AirflowApi
from landfall.samples import write_sample
from landfall.spec import Partition

FEED = "bike_demand/forecast"
MAY = [f"2015-05-{day:02}" for day in range(1, 10)]
ASKED, REPLACED, BROKEN, AUDITED, AGAIN = MAY[0:3], MAY[1], MAY[5], MAY[6], MAY[7]
Landfall = Callable[..., "CompletedProcess[str]"]
Json = dict[str, Any]
pytestmark = pytest.mark.usefixtures("trained")


def answer(done: "CompletedProcess[str]", code: int = 0) -> Any:
    assert done.returncode == code, done.stdout + done.stderr
    return json.loads(done.stdout)


class May:
    """The sample of May 2015, and what the command line says of its days."""

    def __init__(self, stack: Any, landfall: Landfall, folder: Path) -> None:
        self.stack, self.landfall = stack, landfall
        files = write_sample("bike_demand", folder, 9, date(2015, 5, 9))
        self.file = next(each.path for each in files if each.feed == "forecast")

    def land(self, day: str, edit: Callable[[str], str] = lambda text: text) -> None:
        """One day's forecast, `edit`ed, as an object of its own."""
        header, *lines = self.file.read_text().splitlines()
        text = "\n".join([header, *(edit(line) for line in lines if f",{day}," in line)]) + "\n"
        client: Any = connect(self.stack.settings.s3)
        key = f"bike_sharing/forecast/dt={day}/hours.csv"
        client.put_object(Bucket=self.stack.settings.s3.bucket, Key=key, Body=text.encode())

    def status(self) -> dict[str, Json]:
        """What `landfall status --json` tells, without starting the program each time."""
        found = survey(self.stack.settings, BIKE_DEMAND, FORECAST).partitions
        return {str(facts.partition): as_json(facts, standing) for facts, standing in found}

    def plan(self, first: str, last: str) -> dict[str, Json]:
        told = answer(self.landfall("plan", FEED, "--from", first, "--to", last, "--json"))
        return {each["partition"]: each for each in told}


@pytest.fixture(scope="module")
def may(stack: Any, landfall: Landfall, tmp_path_factory: pytest.TempPathFactory) -> May:
    made = May(stack, landfall, tmp_path_factory.mktemp("may"))
    for day in ASKED:
        made.land(day)
    return made


@pytest.fixture(scope="module")
def applied(may: May, landfall: Landfall) -> dict[str, Json]:
    """What landed and had no run, as it stood; then published in one Spark job."""
    before = may.status()
    assert {day: before[day]["state"] for day in ASKED} == dict.fromkeys(ASKED, "landed")
    planned = may.plan(ASKED[0], ASKED[-1])
    assert {day: each["reason"] for day, each in planned.items()} == dict.fromkeys(ASKED, "never published")
    told = answer(landfall("apply", FEED, "--from", ASKED[0], "--to", ASKED[-1], "--bulk", "--json"))
    assert told["counts"] == {"published": 3, "skipped": 0, "failed": 0}
    assert [(each["dag_id"], each["partition"], each["state"]) for each in told["partitions"]] == [
        ("bike_forecast", day, "published") for day in ASKED
    ]
    return may.status()


def test_a_bulk_apply_publishes_what_landed_partition_by_partition(applied: dict[str, Json], may: May) -> None:
    for day in ASKED:
        assert (applied[day]["state"], applied[day]["rows"], applied[day]["quarantined"]) == ("published", 24, 0)
    assert may.plan(ASKED[0], ASKED[-1]) == {}


def test_bulk_and_airflow_give_the_same_rows(applied: dict[str, Json], landfall: Landfall) -> None:
    query = (
        f"SELECT time, predicted, model_version FROM predictions.bike_demand WHERE partition = '{ASKED[0]}' ORDER BY 1"
    )
    bulk = answer(landfall("sql", query, "--json"))
    answer(landfall("backfill", FEED, "--from", ASKED[0], "--to", ASKED[0], "--json"))
    native = answer(landfall("sql", query, "--json"))
    assert len(bulk) == 24
    if bulk[0]["model_version"] == native[0]["model_version"]:
        assert native == bulk


def test_explain_says_what_was_looked_for_found_read_and_made(applied: dict[str, Json], landfall: Landfall) -> None:
    [told] = answer(landfall("explain", FEED, ASKED[2], "--json"))
    key = f"bike_sharing/forecast/dt={ASKED[2]}/hours.csv"
    [etag] = applied[ASKED[2]]["objects"].values()
    assert told["state"] == "published"
    assert told["looked"].startswith(f"s3://landfall/bike_sharing/forecast/dt={ASKED[2]}/ at http://127.0.0.1:")
    assert told["looked"].endswith(f"for one object, due {ASKED[2]} 00:00 UTC")
    assert told["found"] == f"'{key}' (ETag {etag})"
    assert told["read"].endswith(": 24 rows kept, 0 quarantined")
    assert told["published"].startswith(f"publication {applied[ASKED[2]]['publication']}, 24 rows, at ")
    assert told["made_from"].startswith(f"'{key}' (ETag {etag}); model {applied[ASKED[2]]['model_version']}, code ")


def test_a_replaced_object_is_stale_planned_with_both_etags_and_applied(
    applied: dict[str, Json], may: May, landfall: Landfall
) -> None:
    may.land(REPLACED, lambda line: line.replace(",0,", ",0,", 1).rsplit(",", 1)[0] + ",0.5")
    [old], [new] = (each[REPLACED]["objects"].values() for each in (applied, may.status()))
    planned = may.plan(REPLACED, REPLACED)[REPLACED]
    assert (planned["reason"], planned["automatic"]) == ("input changed", True)
    assert planned["why"] == f"hours.csv: {old[:8]} -> {new[:8]}"
    told = answer(landfall("apply", FEED, "--from", REPLACED, "--to", REPLACED, "--json"))
    assert told["counts"] == {"published": 1, "skipped": 0, "failed": 0}
    [each] = told["partitions"]
    assert {name: each[name] for name in each if name != "run_id"} == {
        "feed": FEED, "dag_id": "bike_forecast", "partition": REPLACED, "state": "published",
    }  # fmt: skip
    after = may.status()[REPLACED]
    assert (after["state"], after["objects"]) == ("published", {f"bike_sharing/forecast/dt={REPLACED}/hours.csv": new})


def test_a_backfill_runs_only_what_is_missing_and_stops_when_asked_to(
    applied: dict[str, Json], may: May, landfall: Landfall
) -> None:
    may.land(MAY[3])
    may.land(BROKEN, lambda line: "rubbish")
    words = ("backfill", FEED, "--from", ASKED[0], "--to", BROKEN, "--only", "missing")
    dry = answer(landfall(*words, "--dry-run", "--json"))
    assert [each["partition"] for each in dry] == [MAY[3], BROKEN]
    refused = answer(landfall(*words, "--bulk", "--stop-on-failure", "--json"), 1)
    why = f"`bike_forecast` {BROKEN}: 24 of 24 rows break the contract (allowed: 10%)."
    assert refused["error"] == f"1 of 1 runs failed: bike_forecast {BROKEN}. First: {why}"
    assert refused["left"] == "the others: 1 not started"
    assert refused["counts"] == {"published": 0, "skipped": 0, "failed": 1, "not started": 1}
    stood = may.status()
    assert (stood[MAY[3]]["state"], stood[MAY[3]]["reason"]) == ("failed", "failed")  # it was read, and left at that
    assert (stood[BROKEN]["state"], stood[BROKEN]["reason"]) == ("failed", "refused")
    assert stood[BROKEN]["why"] == f"its input: {why}"
    again = answer(landfall(*words, "--bulk", "--json"), 1)
    assert again["left"] == "the others: 1 published"
    assert {each["partition"]: each["state"] for each in again["partitions"]} == {MAY[3]: "published", BROKEN: "failed"}
    assert may.status()[MAY[3]]["state"] == "published"
    [told] = answer(landfall("explain", FEED, BROKEN, "--json"))
    assert told["next"] == f"landfall land {FEED} FILE.csv --from {BROKEN} --until {BROKEN}"


@pytest.fixture(scope="module")
def caught_up(landfall: Landfall) -> None:
    """No run of the actuals that the model learnt from is due: an audit would start them two by two, for minutes."""
    landfall("apply", "bike_demand/actuals", "--bulk", "--json")


@pytest.fixture
def audited(stack: Any, caught_up: None) -> Iterator[AirflowApi]:
    """Airflow, with the audit at work."""
    api = AirflowApi(stack.settings)
    pause(api, False)
    yield api
    pause(api, True)


def pause(api: AirflowApi, paused: bool) -> None:
    assert api.http.patch("/api/v2/dags/landing_audit", json={"is_paused": paused}).is_success


def starts_of(api: AirflowApi, run_id: str) -> list[Json]:
    return [task for task in api.tasks("landing_audit", run_id) if task["task_id"] == "start_runs"]


def until(what: str, true: Callable[[], bool], patience: float = 240) -> None:
    """Waits; the audit's own pace is measured in benchmarks/."""
    end = time.monotonic() + patience
    while not true():
        assert time.monotonic() < end, f"{what}: not after {patience:.0f} s"
        time.sleep(1)


def published_after(day: Json, publication: int) -> bool:
    """Whether a later publication is seen and its run is over."""
    return bool(day["publication"] != publication and day["state"] == "published")


def test_the_audit_runs_what_landed_and_nobody_waited_for_and_then_what_was_replaced(
    may: May, audited: AirflowApi
) -> None:
    seen: set[tuple[str, str]] = set()

    def published() -> bool:
        seen.update(at_work(audited, BIKE_DEMAND))
        return bool(may.status().get(AUDITED, {}).get("state") == "published")

    may.land(AUDITED)
    until("the day is published", published)
    [run] = audited.runs("bike_forecast", Partition.parse(AUDITED), Partition.parse(AUDITED))
    assert run["run_after"] == f"{AUDITED}T00:00:00Z"
    assert run["dag_run_id"] == f"landed__{AUDITED}T00:00:00+00:00"
    assert ("bike_forecast", run["dag_run_id"]) in seen
    assert not is_urgent(BIKE_DEMAND, "bike_forecast", run["dag_run_id"])
    first = may.status()[AUDITED]["publication"]
    may.land(AUDITED, lambda line: line.rsplit(",", 1)[0] + ",0.25")
    until("the day is published again", lambda: published_after(may.status()[AUDITED], first))
    assert len(audited.runs("bike_forecast", Partition.parse(AUDITED), Partition.parse(AUDITED))) == 1


def test_a_second_audit_finds_nothing_to_do(stack: Any, audited: AirflowApi) -> None:
    def at_rest() -> bool:
        """Whether no run of any feed goes on or is due: an audit starts a few at a time, others follow it."""
        feeds = (survey(stack.settings, BIKE_DEMAND, feed).partitions for feed in BIKE_DEMAND.feeds)
        return not any(each.automatic or each.state == "running" for found in feeds for _, each in found)

    audited.wait("landing_audit", audited.trigger("landing_audit"), lambda _: None, patience=600)
    until("everything stands", at_rest)
    runs = [audited.trigger("landing_audit") for _ in range(2)]
    for run_id in runs:
        audited.wait("landing_audit", run_id, lambda _: None, patience=600)
    reports: list[Any] = [audited.xcom("landing_audit", run_id, "audit_landings") for run_id in runs]
    starts = [each for report in reports for each in report]
    assert [each for each in starts if each["trigger_dag_id"] != "landing_audit"] == []  # another audit at most


def test_a_day_that_has_not_landed_by_its_deadline_is_noted_late_and_its_run_goes_on_waiting(
    stack: Any, landfall: Landfall, may: May
) -> None:
    api, day = AirflowApi(stack.settings), Partition.parse("2015-05-20")
    run_id = api.run_partition("bike_forecast", day)
    query = f"SELECT due_at, lacks FROM landfall.late_landings WHERE feed = '{FEED}' AND partition = '{day}'"
    try:
        until("the deadline is noted", lambda: bool(answer(landfall("sql", query, "--json"))))
        assert answer(landfall("sql", query, "--json")) == [
            {"due_at": "2015-05-20T00:00:00+00:00", "lacks": "no object yet"}
        ]
        stood = may.status()[str(day)]
        assert (stood["state"], stood["run_state"]) == ("late", "running")
        assert stood["why"] == "no object yet; it was due 2015-05-20 00:00 UTC"
        assert is_urgent(BIKE_DEMAND, "bike_forecast", run_id)
        assert ("bike_forecast", run_id) not in at_work(api, BIKE_DEMAND)
    finally:
        api.http.patch(f"/api/v2/dags/bike_forecast/dagRuns/{run_id}", json={"state": "failed"})


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("status", "bike_demnd"), "There is no pipeline `bike_demnd`. Did you mean `bike_demand`?"),
        (("plan", "bike_demand/forcast"), "There is no feed of `bike_demand` `forcast`. Did you mean `forecast`?"),
        (("explain", "bike_demand", "today"), "`today` is not a partition."),
    ],
)
def test_a_wrong_name_is_told_with_the_nearest(words: tuple[str, ...], said: str, landfall: Landfall) -> None:
    assert answer(landfall(*words, "--json"), 1)["error"] == said


def test_status_goes_on_without_airflow_and_says_so(may: May, landfall: Landfall) -> None:
    done = landfall("status", FEED, "--json", "--all", LANDFALL_AIRFLOW_URL="http://127.0.0.1:9")
    assert "runs are not known: Airflow does not answer." in done.stderr
    assert {each["partition"] for each in answer(done)} >= set(ASKED)


def test_status_tells_the_same_as_a_table_and_as_json(may: May, landfall: Landfall) -> None:
    told = {each["partition"]: each for each in answer(landfall("status", FEED, "--all", "--json"))}
    assert {day: told[day]["state"] for day in ASKED} == {day: may.status()[day]["state"] for day in ASKED}
    table = landfall("status", FEED, "--all")
    assert table.returncode == 0
    for day in ASKED:
        assert f"\n{day}  {told[day]['state']} " in table.stdout


def test_help_tells_what_each_command_is_for() -> None:
    told = CliRunner().invoke(build(), ["--help"]).stdout
    assert all(name in told for name in ("status", "explain", "plan", "apply", "backfill"))


def test_the_days_of_may_lie_under_the_feeds_prefix() -> None:
    assert FORECAST.landing.prefix == "bike_sharing/forecast"
