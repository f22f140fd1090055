"""AWS Lambda: an object lands, and the run of its partition starts.

`handler` takes S3 event notifications (from S3, or through SQS, SNS, or SNS and SQS) and EventBridge's `Object Created`.
The function's zip contains Landfall and nothing else; docs/lambda.md says how to make, configure and connect it.

It does not replace the landing audit: an event that is lost, or whose retries run out, costs time and no data. It does not
read the object. Where Airflow's wait judges whether the partition is ready, this does not.
"""

import json
import logging
import os
from collections.abc import Iterator
from dataclasses import dataclass, field

from landfall.errors import RunError
from landfall.landing.events.run_starts import WantedRun, starter
from landfall.landing.events.s3_events import CreatedObject, Ignored, read_event
from landfall.pipelines import PIPELINES
from landfall.spec import Landing, Partition

log = logging.getLogger(__name__)


@dataclass
class EventSummary:
    """The result of an event: one sentence for each run, and for each part of the event that led to no run."""

    started: list[str] = field(default_factory=list)
    left_alone: list[str] = field(default_factory=list)
    not_started: list[str] = field(default_factory=list)
    ignored: list[str] = field(default_factory=list)
    failed: list[str] = field(default_factory=list)


def handler(event: object, context: object) -> dict[str, list[str]]:
    """Starts the run of every partition that the objects of `event` belong to, once each.

    Args:
        event: The event that Lambda calls the function with.
        context: Lambda's own; not used.

    Returns:
        `started`, `left_alone`, `not_started` and `ignored`: sentences, with every key escaped.

    Raises:
        RunError: a run could not be started; all others were tried. Lambda then delivers the event again.
        SettingsError: the function is not configured. An event that leads to no run needs no configuration.
        SpecError: the configuration names a feed that does not exist.
    """
    summary = EventSummary()
    wanted = _wanted(event, os.environ.get("LANDFALL_S3_BUCKET") or "landfall", summary.ignored)
    if wanted:
        _start(wanted, summary)
    answer = {kind: sentences for kind, sentences in vars(summary).items() if kind != "failed"}
    log.info("%s", json.dumps(answer))
    if summary.failed:
        raise _failure(summary, len(wanted))
    return answer


def _start(wanted: list[WantedRun], summary: EventSummary) -> None:
    """Tries every run. If signing in fails, it fails once for all of them."""
    try:
        way = starter(os.environ)
    except RunError as error:
        summary.failed += [f"{run}: {_line(error)}" for run in wanted]
        return
    for run in wanted:
        try:
            outcome = way.start(run)
        except RunError as error:
            summary.failed.append(f"{run}: {_line(error)}")
        else:
            sentences: list[str] = getattr(summary, outcome.kind)
            sentences.append(f"{run}: {outcome.why}")


def _wanted(event: object, bucket: str, ignored: list[str]) -> list[WantedRun]:
    """The runs for the objects of `event`, one for each DAG and partition; reasons for no run are appended to `ignored`.

    Of several objects of a partition the run names the first, unless one of them is what the partition's readiness waits for.
    """
    runs: dict[tuple[str, Partition], WantedRun] = {}
    for created in read_event(event):
        if isinstance(created, Ignored):
            ignored.append(created.reason)
        elif created.bucket != bucket:
            ignored.append(f"{created.key!r}: in the bucket {created.bucket!r}, not in {bucket!r} (LANDFALL_S3_BUCKET)")
        elif runs_of_object := list(_runs_of(created)):
            for run in runs_of_object:
                if (run.dag_id, run.partition) not in runs or _awaited(run.landing, created.key):
                    runs[run.dag_id, run.partition] = run
        else:
            ignored.append(f"{created.key!r}: {_reason(created.key)}")
    return list(runs.values())


def _runs_of(landed: CreatedObject) -> Iterator[WantedRun]:
    """The runs for an object: one for every feed in whose place it landed."""
    for name, dag_id, landing in _feeds():
        home = landing.home_of(landed.key)
        if home and (landing.partition_of(landed.key) or _awaited(landing, landed.key)):
            yield WantedRun(dag_id, name, landing, home[0], home[0].start, landed)


def _awaited(landing: Landing, key: str) -> bool:
    """True if the feed's readiness rule names this object, such as a marker, which holds no data."""
    home = landing.home_of(key)
    return home is not None and landing.ready.awaits(home[1])


def _feeds() -> Iterator[tuple[str, str, Landing]]:
    """Name, DAG and landing of every declared feed."""
    for pipeline in PIPELINES.values():
        for feed in pipeline.feeds:
            yield feed.full_name, feed.dag_id, feed.landing


def _reason(key: str) -> str:
    """Why `key` leads to no run."""
    for name, _, landing in _feeds():
        if home := landing.home_of(key):
            expected = " or ".join(f"*{suffix}" for suffix in landing.suffixes)
            return f"in the folder of {name} {home[0]}, but no data of it, which is {expected}"
    return f"in no partition of {', '.join(name for name, _, _ in _feeds())}"


def _line(error: RunError) -> str:
    return f"{error.what} ({error.looked})" if error.looked else error.what


def _failure(summary: EventSummary, wanted: int) -> RunError:
    others = {"started": summary.started, "left alone": summary.left_alone, "not started": summary.not_started}
    return RunError(
        f"{len(summary.failed)} of {wanted} runs could not be started.",
        looked="; ".join(summary.failed),
        left="; ".join(f"{kind} {'; '.join(runs)}" for kind, runs in others.items() if runs)
        or "no other run was started",
        next="wait: Lambda delivers the event again, and starting twice is harmless (docs/lambda.md)",
    )
