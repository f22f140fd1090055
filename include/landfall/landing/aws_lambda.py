"""AWS Lambda: an object lands, its partition's run starts.

`handler` takes S3 event notifications (from S3, or through SQS, SNS, or SNS and SQS) and EventBridge's `Object Created`.
The function's zip holds Landfall and nothing else; docs/lambda.md says how to make, configure and connect it.

What it does not do: it does not replace the landing audit. An event that is lost or whose retries run out costs latency,
not data. It does not read the object, and does not judge whether the partition is ready where Airflow's wait does.
"""

import json
import logging
import os
from collections.abc import Iterator
from dataclasses import dataclass, field

from landfall.errors import RunError
from landfall.landing.events.run_starts import Wanted, starter
from landfall.landing.events.s3_events import CreatedObject, Ignored, read_event
from landfall.pipelines import PIPELINES
from landfall.spec import Landing, Partition

log = logging.getLogger(__name__)


@dataclass
class Summary:
    """What an event led to, one sentence for each run or each part of the event that led to none."""

    started: list[str] = field(default_factory=list)
    left_alone: list[str] = field(default_factory=list)
    not_started: list[str] = field(default_factory=list)
    ignored: list[str] = field(default_factory=list)
    failed: list[str] = field(default_factory=list)


def handler(event: object, context: object) -> dict[str, list[str]]:
    """Start the run of every partition that the objects of `event` belong to, once each.

    Args:
        event: What Lambda was called with.
        context: Lambda's own; not used.

    Returns:
        `started`, `left_alone`, `not_started` and `ignored`: sentences, with every key escaped.

    Raises:
        RunError: a run could not be started, after all were tried. Lambda then delivers the event again.
        SettingsError: the function is not configured. An event that asks for no run needs no configuration.
        SpecError: it is configured for feeds that there are not.
    """
    summary = Summary()
    wanted = _wanted(event, os.environ.get("LANDFALL_S3_BUCKET") or "landfall", summary.ignored)
    if wanted:
        _start(wanted, summary)
    told = {kind: sentences for kind, sentences in vars(summary).items() if kind != "failed"}
    log.info("%s", json.dumps(told))
    if summary.failed:
        raise _failure(summary, len(wanted))
    return told


def _start(wanted: list[Wanted], summary: Summary) -> None:
    """Try every run. Where signing in fails, it fails once for all of them."""
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


def _wanted(event: object, bucket: str, ignored: list[str]) -> list[Wanted]:
    """The runs that the objects of `event` ask for, one for each DAG and partition; reasons go to `ignored`.

    Of several objects of a partition the first is named, unless one of them is what its readiness waits for.
    """
    runs: dict[tuple[str, Partition], Wanted] = {}
    for found in read_event(event):
        if isinstance(found, Ignored):
            ignored.append(found.reason)
        elif found.bucket != bucket:
            ignored.append(f"{found.key!r}: in the bucket {found.bucket!r}, not in {bucket!r} (LANDFALL_S3_BUCKET)")
        elif asked := list(_runs_of(found)):
            for run in asked:
                if (run.dag_id, run.partition) not in runs or _awaited(run.landing, found.key):
                    runs[run.dag_id, run.partition] = run
        else:
            ignored.append(f"{found.key!r}: {_reason(found.key)}")
    return list(runs.values())


def _runs_of(landed: CreatedObject) -> Iterator[Wanted]:
    """The runs that an object asks for: of every feed that declares a place for it."""
    for name, dag_id, landing in _feeds():
        home = landing.home_of(landed.key)
        if home and (landing.partition_of(landed.key) or _awaited(landing, landed.key)):
            yield Wanted(dag_id, name, landing, home[0], landing.window(home[0])[0], landed)


def _awaited(landing: Landing, key: str) -> bool:
    """True if the feed's readiness names this object: a marker, say, which is no data."""
    home = landing.home_of(key)
    return home is not None and landing.ready.awaits(home[1])


def _feeds() -> Iterator[tuple[str, str, Landing]]:
    """Name, DAG and landing of every declared feed."""
    for pipeline in PIPELINES.values():
        for feed in pipeline.feeds:
            yield feed.full_name, feed.dag_id, feed.landing


def _reason(key: str) -> str:
    """Why `key` asks for no run."""
    for name, _, landing in _feeds():
        if home := landing.home_of(key):
            expected = " or ".join(f"*{suffix}" for suffix in landing.suffixes)
            return f"in the folder of {name} {home[0]}, but no data of it, which is {expected}"
    return f"in no partition of {', '.join(name for name, _, _ in _feeds())}"


def _line(error: RunError) -> str:
    return f"{error.what} ({error.looked})" if error.looked else error.what


def _failure(summary: Summary, wanted: int) -> RunError:
    others = {"started": summary.started, "left alone": summary.left_alone, "not started": summary.not_started}
    return RunError(
        f"{len(summary.failed)} of {wanted} runs could not be started.",
        looked="; ".join(summary.failed),
        left="; ".join(f"{kind} {'; '.join(runs)}" for kind, runs in others.items() if runs)
        or "no other run was started",
        next="wait: Lambda delivers the event again, and starting twice is harmless (docs/lambda.md)",
    )
