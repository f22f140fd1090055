"""What became of many partitions: how many were published, skipped and failed, why, and what to type next."""

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass
from datetime import datetime, timedelta

import typer

from landfall.cli.output import Output
from landfall.errors import RunError
from landfall.freshness.honest import is_memory
from landfall.ledger import Facts, Standing
from landfall.ledger.survey import survey
from landfall.pipelines import find_pipeline
from landfall.spec import Partition, Settings

STATES = ("published", "skipped", "failed", "waiting", "landed", "stale", "running", "paused", "stuck", "not started")


@dataclass(frozen=True, kw_only=True)
class Outcome:
    """What became of one partition.

    Args:
        feed: `PIPELINE/FEED`.
        dag_id: Its DAG.
        partition: The partition.
        state: One of `STATES`. `stale` and `landed`: the run succeeded, but it is not published from what is there now.
        why: Why it was not published.
        run_id: The run of Airflow or of a bulk; empty if there was none.
    """

    feed: str
    dag_id: str
    partition: Partition
    state: str
    why: str = ""
    run_id: str = ""

    def as_json(self) -> dict[str, str]:
        """The outcome as `--json` gives it, without empty fields."""
        return {name: str(value) for name, value in asdict(self).items() if name != "partition" and value} | {
            "partition": str(self.partition)
        }


def outcome_of(servers: Settings, facts: Facts, began: datetime, run_id: str, *, failed: bool, why: str) -> Outcome:
    """What became of a partition whose run has ended, by the ledger and the publications.

    Args:
        servers: Where the servers are.
        facts: The facts about the partition from before the run.
        began: When the command began: what was published since then was published by it.
        run_id: The run.
        failed: True if the run failed.
        why: Why it failed, as far as the caller knows.

    Raises:
        LandfallError: S3 or the database does not answer.
    """
    pipeline = find_pipeline(facts.feed.pipeline)
    [(now, standing)] = survey(servers, pipeline, facts.feed, only=facts.partition).partitions
    state, reason = ("failed", why or _failure(now)) if failed else after_a_good_run(now, standing, began)
    return Outcome(
        feed=facts.name, dag_id=facts.feed.dag_id, partition=facts.partition, state=state, why=reason, run_id=run_id
    )


def _failure(now: Facts) -> str:
    return now.read.refused.why if now.is_read and now.read and now.read.refused else ""


def after_a_good_run(now: Facts, standing: Standing, began: datetime) -> tuple[str, str]:
    """What became of a partition whose run succeeded, and why it is not published from what is there now.

    Args:
        now: The facts about it after the run.
        standing: Where it stands by these facts.
        began: When the command began.
    """
    if now.made and now.made.published_at >= began:
        return (
            ("stale", f"published, but stale already: {standing.why}")
            if standing.state == "stale"
            else ("published", "")
        )
    if now.is_read and now.read and now.read.said:
        return "skipped", now.read.said
    return ("skipped", standing.why) if standing.state == "skipped" else _left(standing)


def _left(standing: Standing) -> tuple[str, str]:
    """For a run that succeeded and left nothing: its inputs have changed or lack something, or another run is at work."""
    if standing.state == "published":  # by another run, which has read its inputs later
        return "published", ""
    return ("waiting" if standing.state == "late" else standing.state), standing.why


def counted(outcomes: Iterable[Outcome]) -> dict[str, int]:
    """State -> number. `published`, `skipped` and `failed` are always there; other states only if they occur."""
    counts = Counter(outcome.state for outcome in outcomes)
    return {state: counts[state] for state in STATES if counts[state] or state in STATES[:3]}


def sentence(counts: dict[str, int]) -> str:
    """`2 published, 1 skipped, 0 failed`."""
    return ", ".join(f"{count:,} {state}" for state, count in counts.items())


def tell(out: Output, outcomes: Sequence[Outcome], looked: str = "") -> None:
    """Prints the result of the command: all of it on stdout, and what went wrong as its error.

    Raises:
        typer.Exit: with 1 if a requested partition is not published from what is there now.
    """
    counts = counted(outcomes)
    error = _error(outcomes, counts, looked)
    ordered = sorted(outcomes, key=lambda outcome: (outcome.feed, outcome.partition))
    result = {"counts": counts, "partitions": [outcome.as_json() for outcome in ordered]}
    if out.wants_json:
        out.json({**(error.as_dict() if error else {}), **result})
    else:
        out.say("\n".join(_lines(ordered)) or "nothing was left to do")
        if error:
            out.errors.print(f"error: {error}", markup=False, highlight=False, style="red")
    if error:
        raise typer.Exit(1)


def _lines(outcomes: Sequence[Outcome]) -> list[str]:
    """One line per feed, and below it one line per reason."""
    lines = []
    for dag_id in dict.fromkeys(outcome.dag_id for outcome in outcomes):
        of_dag = [outcome for outcome in outcomes if outcome.dag_id == dag_id]
        lines.append(f"{dag_id}: {sentence(counted(of_dag))}")
        lines += [f"  {line}" for line in _reasons(of_dag)]
    return lines


def _reasons(outcomes: Iterable[Outcome]) -> list[str]:
    """`31 skipped: REASON (2012-01-01..2012-01-31)`: partitions with the same reason, apart from the day in it, together."""
    groups: dict[tuple[str, str], list[Partition]] = {}
    for outcome in outcomes:
        if outcome.state != "published":
            first = (outcome.why.splitlines() or ["no reason is known"])[0]
            groups.setdefault((outcome.state, first.replace(str(outcome.partition), "the day")), []).append(
                outcome.partition
            )
    return [f"{len(days)} {state}: {why} ({_range(days)})" for (state, why), days in groups.items()]


def _range(days: Sequence[Partition]) -> str:
    return str(days[0]) if len(days) == 1 else f"{min(days)}..{max(days)}"


def _error(outcomes: Sequence[Outcome], counts: dict[str, int], looked: str) -> RunError | None:
    if not outcomes:
        return None
    failed = [outcome for outcome in outcomes if outcome.state == "failed"]
    if failed:
        days = ", ".join(f"{outcome.dag_id} {outcome.partition}" for outcome in failed[:10])
        ran = sum(outcome.state != "not started" for outcome in outcomes)
        others = {state: count for state, count in counts.items() if state != "failed" and count}
        return RunError(
            f"{len(failed)} of {ran} runs failed: {days}. First: {failed[0].why or 'see its log'}",
            looked=looked,
            left=f"the others: {sentence(others)}" if others else "nothing was published",
            next="mend what the message names, then the same command again",
        )
    left = {state: count for state, count in counts.items() if state != "published" and count}
    if not left:
        return None
    published = counts["published"]
    what = (
        "Nothing was published"
        if not published
        else f"{sum(left.values())} of {len(outcomes)} partitions are not published"
    )
    return RunError(
        f"{what}: {sentence(left)}.",
        looked="; ".join(_reasons(outcomes)),
        left=f"the others: {published:,} published" if published else "what was published before stays",
        next=_hint(outcomes).get("next", "landfall status"),
    )


def _hint(outcomes: Sequence[Outcome]) -> dict[str, str]:
    """The next command, if days were skipped because every version has learnt from them: it trains a version that has not."""
    memories = [outcome for outcome in outcomes if outcome.state == "skipped" and is_memory(outcome.why)]
    if not memories:
        return {}
    first = min(memories, key=lambda outcome: outcome.partition)
    until = Partition.holding(first.partition.start - timedelta(days=1))
    pipeline = first.feed.partition("/")[0]
    return {"next": f"landfall train {pipeline} --until {until}    (then the same command again)"}
