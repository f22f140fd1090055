"""Replays a sample as a live source: rows with the present time, at a steady rate, some of them with faults on purpose."""

import json
import random
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from itertools import count

from landfall.errors import SpecError
from landfall.spec import Settings
from landfall.spec.stream import Stream
from landfall.streams.topics import broker_of, ensure_topic, explained, producer

SLICE = 0.05
"""The seconds of rows that are sent together."""
MALFORMED = (b'{"time": "no time", "label": 1}', b"not JSON", b"\xff\xfe\x00", b"{}", b"")


@dataclass(frozen=True, kw_only=True)
class Faults:
    """The shares of rows that are sent with a fault, each from 0 to 1.

    Args:
        labels_flipped: Rows with the wrong label.
        late: Rows whose time is long ago.
        malformed: Messages that are no rows.
        duplicate: Rows that are sent twice.
    """

    labels_flipped: float = 0.0
    late: float = 0.0
    malformed: float = 0.0
    duplicate: float = 0.0

    def __post_init__(self) -> None:
        for name, share in vars(self).items():
            if not 0 <= share <= 1:
                raise SpecError(f"--{name.replace('_', '-')} is {share}.", looked="expected a share from 0 to 1")


def messages(stream: Stream, faults: Faults, seed: int = 7) -> Iterator[bytes]:
    """Rows of the stream's sample without an end, in the sample's order; the same ones for the same seed, but for the times.

    Raises:
        SpecError: the stream has no sample.
    """
    if stream.sample is None:
        raise SpecError(f"The stream `{stream.name}` has no sample to send.", looked="Stream.sample is None")
    rows, draw = stream.sample(), random.Random(seed)  # noqa: S311  (a replay, no secret)
    kinds = sorted({row[stream.label] for row in rows}, key=str) if stream.label else []
    late = stream.lateness * 3 + timedelta(seconds=stream.window.seconds)
    for number in count():
        row = dict(rows[number % len(rows)])
        if draw.random() < faults.malformed:
            yield MALFORMED[draw.randrange(len(MALFORMED))]
            continue
        if kinds and draw.random() < faults.labels_flipped:
            row[stream.label] = draw.choice([kind for kind in kinds if kind != row[stream.label]] or kinds)
        moment = datetime.now(UTC) - (late if draw.random() < faults.late else timedelta(0))
        message = _message(stream, {**row, stream.time: moment.isoformat(timespec="microseconds")})
        yield message
        if draw.random() < faults.duplicate:
            yield message


def _message(stream: Stream, row: Mapping[str, object]) -> bytes:
    """The row as a JSON object, each value at the path of its column."""
    whole: dict[str, object] = {}
    for name, value in row.items():
        *outer, last = stream.format.path(name)
        place = whole
        for step in outer:
            inner = place.setdefault(step, {})
            assert isinstance(inner, dict)
            place = inner
        place[last] = value
    return json.dumps(whole, separators=(",", ":")).encode()


def send(
    settings: Settings,
    stream: Stream,
    *,
    rows_per_second: float,
    faults: Faults,
    rows: int | None,
    watch: Callable[[int], None],
) -> int:
    """Sends rows at a rate, until `rows` are sent or the caller is interrupted. Gives how many the broker has.

    Args:
        settings: Where the broker is.
        stream: The stream whose sample is sent.
        rows_per_second: The rate; 0: as fast as the broker takes them.
        faults: The faults on purpose.
        rows: How many; None: without an end.
        watch: Called with the number of rows that were sent so far.

    Raises:
        StreamError: the broker refuses, or does not answer.
    """
    broker = broker_of(settings)
    ensure_topic(broker, stream.source)
    sender, sent, began = producer(broker), 0, time.monotonic()
    refused: list[str] = []
    try:
        with explained(broker, stream.source):
            for message in messages(stream, faults):
                if rows is not None and sent >= rows:
                    break
                if rows_per_second and (ahead := sent / rows_per_second - (time.monotonic() - began)) > SLICE:
                    sender.poll(0)
                    time.sleep(ahead)
                while True:
                    try:
                        sender.produce(
                            stream.source.name, message,
                            on_delivery=lambda error, _: refused.append(str(error)) if error else None,
                        )  # fmt: skip
                        break
                    except BufferError:
                        sender.poll(0.5)
                sent += 1
                if sent % 1000 == 0:
                    sender.poll(0)
                    watch(sent)
    finally:
        left = sender.flush(30)
    return sent - left - len(refused)
