"""Where a partition stands: one case a rule, from facts alone."""

from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest

from landfall.ledger import Claimed, Current, Facts, Read, Refused, Seen, Standing, standing
from landfall.ledger.gather import held_up
from landfall.ledger.restarts import made_of
from landfall.ledger.standing import changes, judged
from landfall.pipelines.bike_demand import ACTUALS, FORECAST
from landfall.publishing import Made
from landfall.spec import Partition

DAY = Partition(date(2012, 12, 25))
NOON = datetime(2012, 12, 24, 12, tzinfo=UTC)
CURRENT = Current(
    code="c1",
    contract="k1",
    model="7",
    now=NOON,
    contract_changes={"k9": "column `hum`: upper bound 100 -> 110"},
)
KEY = "bike_sharing/forecast/dt=2012-12-25/hours.csv"
OLD, NEW = {KEY: "aaaaaaaaaa"}, {KEY: "bbbbbbbbbb"}
FAILED, RUNNING, SUCCESS = (Seen(run_id="r", state=state) for state in ("failed", "running", "success"))


def read(objects: dict[str, str], run_id: str = "r") -> Read:
    return Read(number=1, run_id=run_id, at=NOON, objects=objects)


def said(why: str) -> Read:
    return replace(read(OLD), said=why)


def made(objects: dict[str, str] = OLD, code: str = "c1", model: str = "7", contract: str = "k1") -> Made:
    return Made(publication=3, objects=objects, code=code, model=model, contract=contract, rows=24, published_at=NOON)


NOTHING = Facts(feed=FORECAST, partition=DAY)
LANDED = replace(NOTHING, objects=OLD, lacks="")
SKIPPED = replace(LANDED, run=SUCCESS, read=read(OLD))
HOUR = timedelta(hours=1)
DAYS = "published.days 2012-12-24"
JOINED = replace(
    LANDED, made=replace(made(), joined={DAYS: "aaaaaaaaaa"}), joined={DAYS: "bbbbbbbbbb"}, joined_at=NOON + HOUR
)
JOINED_WHY = f"joined {DAYS}: aaaaaaaa -> bbbbbbbb"
PREDICTED = "predictions of it were published after it had been read"
AGAIN = "r did not finish; tried again at 2012-12-24 12:05 UTC (attempt 1)"
AGAIN_13 = "r did not finish; tried again at 2012-12-24 13:05 UTC (attempt 1)"
LOST = "bulk did not finish; tried again at 2012-12-24 13:00 UTC (attempt 1)"
ENDED = replace(FAILED, ended_at=NOON)
REFUSED = replace(read(OLD), refused=Refused("12 bad rows", "c1", "k1"))
LATER = replace(read(NEW), at=NOON + HOUR)
WHY = "hours.csv: aaaaaaaa -> bbbbbbbb"
GONE = f"what it was made of is no longer there: {KEY!r}"


@pytest.mark.parametrize(
    ("facts", "state", "why", "reason", "automatic"),
    [
        (NOTHING, "waiting", "no object yet", "", False),
        (replace(NOTHING, run=RUNNING), "waiting", "no object yet", "", False),
        (replace(LANDED, lacks="no marker _SUCCESS"), "waiting", "no marker _SUCCESS", "", False),
        (replace(LANDED, run=RUNNING), "running", "r", "", False),
        (LANDED, "landed", "no run has read it", "never published", True),
        (replace(LANDED, run=FAILED), "landed", "no run has read it", "never published", True),
        (replace(LANDED, run=FAILED, read=read(NEW)), "landed", "no run has read it", "never published", True),
        (replace(LANDED, run=FAILED, read=read(OLD)), "failed", AGAIN, "failed", False),
        (replace(LANDED, run=ENDED, landed_at=NOON), "failed", AGAIN, "failed", False),
        (replace(LANDED, run=ENDED, landed_at=NOON + HOUR), "landed", "no run has read it", "never published", True),
        (replace(LANDED, run=FAILED, read=REFUSED), "failed", "its input: 12 bad rows", "refused", False),
        (
            replace(LANDED, run=ENDED, read=REFUSED, landed_at=NOON),
            "failed",
            "its input: 12 bad rows",
            "refused",
            False,
        ),
        (
            replace(LANDED, run=FAILED, read=replace(REFUSED, refused=Refused("12 bad rows", "c0", "k1"))),
            "failed",
            "its input was refused by code c0, it is c1 now",
            "code changed",
            True,
        ),
        (
            replace(LANDED, run=FAILED, read=replace(REFUSED, refused=Refused("12 bad rows", "c0", "k0"))),
            "failed",
            "its input was refused by contract k0, it is k1 now",
            "contract changed",
            True,
        ),
        (
            replace(LANDED, objects=NEW, run=FAILED, read=REFUSED),
            "landed",
            "no run has read it",
            "never published",
            True,
        ),
        (replace(LANDED, run=SUCCESS, read=read(OLD)), "skipped", "its run had nothing to publish", "", False),
        (replace(LANDED, run=SUCCESS, read=said("a memory")), "skipped", "a memory", "", False),
        (replace(LANDED, read=said("a memory")), "skipped", "a memory", "", False),
        (replace(SKIPPED, predicted_at=NOON + HOUR), "landed", PREDICTED, "predictions published", True),
        (replace(SKIPPED, predicted_at=NOON - HOUR), "skipped", "its run had nothing to publish", "", False),
        (replace(SKIPPED, predicted_at=NOON + HOUR, run=RUNNING), "running", "r", "", False),
        (replace(LANDED, run=FAILED, read=read(OLD), predicted_at=NOON + HOUR), "failed", AGAIN, "failed", False),
        (replace(SKIPPED, predicted_at=NOON + HOUR, made=made()), "published", "", "", False),
        (replace(LANDED, run=SUCCESS, read=read(OLD, "bulk")), "failed", LOST, "failed", False),
        (replace(LANDED, read=read(OLD, "bulk")), "failed", LOST, "failed", False),
        (replace(LANDED, run=SUCCESS, read=read(OLD), made=made()), "published", "", "", False),
        (replace(LANDED, objects=NEW, run=SUCCESS, read=read(OLD), made=made()), "stale", WHY, "input changed", True),
        (replace(LANDED, objects=NEW, run=RUNNING, read=read(OLD), made=made()), "running", "r", "", False),
        (replace(LANDED, objects=NEW, run=FAILED, read=LATER, made=made()), "failed", AGAIN_13, "failed", False),
        (
            replace(LANDED, run=FAILED, read=replace(LATER, objects=OLD), made=made()),
            "failed",
            AGAIN_13,
            "failed",
            False,
        ),
        (replace(LANDED, run=SUCCESS, read=replace(LATER, objects=OLD), made=made()), "published", "", "", False),
        (
            replace(
                LANDED, run=None, read=replace(LATER, objects=OLD), made=replace(made(), restored_at=NOON + 2 * HOUR)
            ),
            "published",
            "",
            "",
            False,
        ),
        (replace(LANDED, objects=NEW, run=SUCCESS, read=read(NEW), made=made()), "stale", WHY, "input changed", False),
        (replace(NOTHING, run=SUCCESS, made=made()), "published", GONE, "input deleted", False),
        (
            replace(LANDED, run=SUCCESS, made=made({**OLD, "x/b.csv": "cc"})),
            "stale",
            "b.csv: deleted",
            "input deleted",
            False,
        ),
        (
            replace(LANDED, objects={**OLD, "x/b.csv": "cc"}, run=SUCCESS, made=made()),
            "stale",
            "b.csv: new, cc",
            "input changed",
            True,
        ),
        (replace(LANDED, made=made(model="6")), "stale", "model 6 -> 7", "model changed", False),
        (replace(LANDED, made=made(code="c0")), "stale", "code c0 -> c1", "code changed", False),
        (replace(LANDED, made=made(contract="k0")), "stale", "the contract changed", "contract changed", False),
        (replace(JOINED, joined={DAYS: "aaaaaaaaaa"}), "published", "", "", False),
        (JOINED, "stale", JOINED_WHY, "joined input changed", True),
        (replace(JOINED, read=read(OLD)), "stale", JOINED_WHY, "joined input changed", True),
        (
            replace(JOINED, read=replace(said("nothing"), at=NOON + 2 * HOUR)),
            "stale",
            JOINED_WHY,
            "joined input changed",
            False,
        ),
        (replace(JOINED, lacks=f"`{DAYS}` has none"), "waiting", f"`{DAYS}` has none", "", False),
        (replace(JOINED, joined={}), "published", "", "", False),  # no longer joined: the code has changed too
        (
            replace(LANDED, made=made(contract="k9")),
            "stale",
            "the contract changed: column `hum`: upper bound 100 -> 110",
            "contract changed",
            False,
        ),
    ],
)
def test_a_partition_stands_where_its_facts_put_it(
    facts: Facts, state: str, why: str, reason: str, automatic: bool
) -> None:
    found = replace(standing(facts, CURRENT), again_at=None)
    assert found == Standing(state=state, why=why, reason=reason, automatic=automatic)  # type: ignore[arg-type]


def test_what_has_not_landed_by_its_deadline_is_late_also_with_a_run_that_waits() -> None:
    after = replace(CURRENT, now=NOON + timedelta(days=1))
    told = Standing(state="late", why="no object yet; it was due 2012-12-25 00:00 UTC")
    assert standing(NOTHING, after) == standing(replace(NOTHING, run=RUNNING), after) == told


def test_a_new_model_makes_only_partitions_that_are_not_over_stale() -> None:
    facts = replace(LANDED, made=made(model="6"))
    assert standing(facts, replace(CURRENT, now=NOON + timedelta(days=1))).reason == "model changed"
    assert standing(facts, replace(CURRENT, now=NOON + timedelta(days=2))).state == "published"


def test_rows_that_come_from_no_model_are_not_stale_for_one() -> None:
    facts = Facts(feed=ACTUALS, partition=DAY, objects=OLD, lacks="", made=made(model=""))
    assert standing(facts, replace(CURRENT, model=None)).state == "published"


def test_while_airflow_is_away_a_partition_that_was_read_is_not_called_done() -> None:
    facts = replace(LANDED, read=read(OLD), runs_known=False)
    assert standing(facts, CURRENT) == Standing(
        state="landed", why="read, not published; Airflow is away", reason="never published"
    )


CANCELLED = replace(RUNNING, state="queued", held="its backfill 7 was cancelled")
PAUSED = replace(RUNNING, state="queued", held="its backfill 7 is paused", paused=True, backfill=7)


@pytest.mark.parametrize(
    ("facts", "state", "why", "automatic"),
    [
        (replace(LANDED, run=CANCELLED), "stuck", "no run has read it", True),
        (replace(LANDED, run=PAUSED), "paused", "no run has read it", True),
        (replace(LANDED, objects=NEW, run=CANCELLED, read=read(OLD), made=made()), "stuck", WHY, True),
        (replace(LANDED, run=CANCELLED, read=read(OLD), made=made(code="c0")), "stale", "code c0 -> c1", False),
        (replace(LANDED, run=CANCELLED, read=read(OLD), made=made()), "published", "", False),
    ],
)
def test_a_run_that_airflow_will_not_start_counts_for_nothing_and_is_told(
    facts: Facts, state: str, why: str, automatic: bool
) -> None:
    found = standing(facts, CURRENT)
    assert facts.run
    held = f"r goes on no further: {facts.run.held}" + (f"; {why}" if why else "")
    assert (found.state, found.why, found.automatic) == (state, held, automatic)


def test_a_run_that_waits_for_data_is_waiting_whatever_holds_it() -> None:
    assert standing(replace(NOTHING, run=CANCELLED), CURRENT) == Standing(state="waiting", why="no object yet")


@pytest.mark.parametrize(
    ("facts", "state", "why"),
    [
        (LANDED, "paused", "no run has read it"),
        (replace(LANDED, run=RUNNING), "paused", "r"),
        (replace(LANDED, objects=NEW, run=SUCCESS, read=read(OLD), made=made()), "stale", WHY),
    ],
)
def test_while_its_dag_is_paused_nothing_of_it_is_called_running_and_nothing_is_started(
    facts: Facts, state: str, why: str
) -> None:
    found = standing(replace(facts, dag_paused=True), CURRENT)
    assert (found.state, found.why, found.automatic) == (state, f"the DAG `bike_forecast` is paused; {why}", False)


def test_what_a_paused_dag_has_published_stays_published() -> None:
    facts = replace(LANDED, run=SUCCESS, read=read(OLD), made=made(), dag_paused=True)
    assert standing(facts, CURRENT) == Standing(state="published")


def going(slots: int = 1, backfill: int = 7, **more: Any) -> Facts:
    """The day before, whose run has started and waits for data."""
    run = replace(RUNNING, backfill=backfill, slots=slots)
    return replace(NOTHING, partition=Partition(date(2012, 12, 24)), run=run, **more)


def queued(slots: int = 1) -> Facts:
    return replace(LANDED, run=Seen(run_id="q", state="queued", backfill=7, slots=slots))


def test_a_run_is_stuck_behind_runs_of_its_backfill_that_wait_for_data() -> None:
    _, stuck = held_up([going(), queued()])
    found = standing(stuck, CURRENT)
    assert (found.state, found.automatic) == ("stuck", True)
    assert found.why == (
        "q goes on no further: its backfill 7 lets 1 runs go on at a time, and these wait for data: 2012-12-24; "
        "no run has read it"
    )


@pytest.mark.parametrize(
    ("before", "behind"),
    [
        (going(objects=OLD, lacks=""), queued()),  # it works, and will end
        (going(slots=2), queued(slots=2)),
        (going(backfill=6), queued()),
    ],
)
def test_a_run_that_will_have_its_turn_is_not_stuck(before: Facts, behind: Facts) -> None:
    assert held_up([before, behind]) == [before, behind]


def test_a_partition_that_cannot_be_judged_says_so_and_hides_no_other() -> None:
    broken: Any = replace(LANDED, made=made(), read=replace(read(OLD), at=None))  # type: ignore[arg-type]
    found = judged(broken, CURRENT)
    assert (found.state, found.automatic) == ("failed", False)
    assert found.why.startswith("it cannot be judged: TypeError(")
    assert judged(LANDED, CURRENT) == standing(LANDED, CURRENT)


def test_strange_keys_are_shown_escaped() -> None:
    assert changes({}, {"a/x\n'; DROP": "0123456789"}) == '"x\\n\'; DROP": new, 01234567'


@pytest.mark.parametrize(
    ("restarts", "minutes"), [(0, 5), (1, 10), (2, 20), (3, 40), (4, 80), (5, 160), (6, 160), (1000, 160)]
)
def test_each_restart_waits_twice_as_long_up_to_a_limit(restarts: int, minutes: int) -> None:
    facts = replace(LANDED, run=ENDED, read=read(OLD))
    of = made_of(facts, "c1", "k1")
    facts = replace(facts, claimed=Claimed(at=NOON - HOUR, restarts=restarts, made_of=of))
    due = NOON + timedelta(minutes=minutes)
    found = standing(facts, CURRENT)
    assert (found.again_at, found.automatic) == (due, False)
    assert found.why == f"r did not finish; tried again at {due:%Y-%m-%d %H:%M} UTC (attempt {restarts + 1})"
    found = standing(facts, replace(CURRENT, now=due))
    assert (found.automatic, found.why) == (
        True,
        f"r did not finish; tried again by the next audit (attempt {restarts + 1})",
    )


@pytest.mark.parametrize("changed", [{"made_of": "of something else"}, {"restarts": 0}])
def test_restarts_are_counted_anew_when_input_code_or_contract_are_others(changed: dict[str, Any]) -> None:
    facts = replace(LANDED, run=ENDED, read=read(OLD))
    claimed = Claimed(at=NOON - HOUR, restarts=4, made_of=made_of(facts, "c1", "k1"))
    facts = replace(facts, claimed=replace(claimed, **changed))
    assert standing(facts, CURRENT).again_at == NOON + timedelta(minutes=5)


def test_what_it_is_made_of_is_its_objects_its_code_and_its_contract() -> None:
    whole = {made_of(LANDED, "c1", "k1"), made_of(replace(LANDED, objects=NEW), "c1", "k1")}
    assert len({*whole, made_of(LANDED, "c2", "k1"), made_of(LANDED, "c1", "k2")}) == 4
