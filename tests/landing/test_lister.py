"""Waits that share one listing, against a real S3 API in this process."""

import asyncio
import logging
from collections.abc import Awaitable, Callable, Iterator, Mapping
from datetime import UTC, date, datetime, timedelta
from io import BytesIO
from typing import Any, cast

import pytest
from moto.s3.models import s3_backends
from moto.server import ThreadedMotoServer

from landfall.errors import LandingError
from landfall.landing.waiting import lister, poller
from landfall.landing.waiting.async_store import AsyncStore
from landfall.landing.waiting.lister import changes, landed
from landfall.objects.client import connect
from landfall.spec import S3, Landing, Partition
from landfall.spec.readiness import AllNamed, AtLeast, Marker, Settled

DAYS = Landing(prefix="bikes/forecast")
HOURS = Landing(prefix="bikes/hours", folder_format="dt=%Y-%m-%d/hr=%H")
BERLIN = Landing(prefix="bikes/berlin", folder_format="dt=%Y-%m-%d/hr=%H", timezone="Europe/Berlin")
CHRISTMAS = Partition.parse("2012-12-25")
HOSTILE = [
    "it's.csv",
    'the "best".csv',
    "two\nlines.csv",
    "ключ-ключ-钥匙.csv",
    "..",
    "../../etc/passwd.csv",
    "{{ params.day }}.csv",
    "'; DROP TABLE ledger; --.csv",
    "a&b<c>%20+.csv",
    "x" * (1024 - len("bikes/forecast/dt=2012-12-25/.csv")) + ".csv",
]
"""Names in a partition's folder; the last makes a key of 1,024 bytes, the most that S3 takes."""


class Recorder:
    """A client that remembers what was asked."""

    def __init__(self, client: Any, asked: list[dict[str, Any]]) -> None:
        self.client, self.asked = client, asked

    async def list_objects_v2(self, **arguments: Any) -> Mapping[str, Any]:
        self.asked.append(arguments)
        answer: Mapping[str, Any] = await self.client.list_objects_v2(**arguments)
        return answer


@pytest.fixture(scope="module")
def server() -> Iterator[str]:
    """An S3 in this process, in memory."""
    logging.getLogger("werkzeug").setLevel(logging.ERROR)
    running = ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
    running.start()
    host, port = running.get_host_and_port()
    yield f"http://{host}:{port}"
    running.stop()


@pytest.fixture
def s3(server: str) -> Iterator[S3]:
    """A store with an empty bucket."""
    where = S3(bucket="landings", access_key="key", secret_key="secret", endpoint=server)
    client: Any = connect(where)
    client.create_bucket(Bucket=where.bucket)
    yield where
    s3_backends["123456789012"]["aws"].reset()


@pytest.fixture
def put(s3: S3) -> Callable[..., None]:
    """Puts an object."""
    client = connect(s3)

    def one(key: str, body: bytes = b"1") -> None:
        client.put_object(Bucket=s3.bucket, Key=key, Body=BytesIO(body), ContentType="text/csv")

    return one


@pytest.fixture(autouse=True)
def hurried(monkeypatch: pytest.MonkeyPatch) -> None:
    """Polls twenty times a second."""
    for name in ("BUSY", "QUIET", "HINTED"):
        monkeypatch.setattr(lister, name, 0.05)
    monkeypatch.setattr(poller, "FIRST", 0.05)
    monkeypatch.setattr(poller, "SHARE", 0.0)


@pytest.fixture
def asked(monkeypatch: pytest.MonkeyPatch) -> list[dict[str, Any]]:
    """What the store is asked, in order."""
    requests: list[dict[str, Any]] = []
    opened = AsyncStore._open

    async def recorded(self: AsyncStore) -> Any:
        return Recorder(await opened(self), requests)

    monkeypatch.setattr(AsyncStore, "_open", recorded)
    return requests


def run(work: Awaitable[None]) -> None:
    """Run `work`, and see that nothing is left behind."""

    async def all_of_it() -> None:
        await work
        assert lister._stores == {}
        assert lister._listers == {}
        await asyncio.sleep(0.01)
        assert [each.get_name() for each in asyncio.all_tasks() if each.get_name().startswith("landfall")] == []

    asyncio.run(asyncio.wait_for(all_of_it(), 60))


def wait(s3: S3, landing: Landing, partition: Partition, told: list[LandingError] | None = None) -> asyncio.Task[None]:
    """A wait, begun."""
    tell = (told if told is not None else []).append
    return asyncio.create_task(landed(s3, landing, partition, tell=tell))


async def until(ready: Callable[[], bool]) -> None:
    """Ask until it is so."""
    while not ready():
        await asyncio.sleep(0.01)


async def gone(*waits: "asyncio.Task[None]") -> None:
    """Give up waits."""
    for one in waits:
        one.cancel()
    await asyncio.gather(*waits, return_exceptions=True)


# Sharing


def test_a_hundred_waits_share_one_listing(s3: S3, put: Any, asked: list[dict[str, Any]]) -> None:
    days = [Partition(date(2012, 1, 1) + timedelta(number)) for number in range(100)]

    async def work() -> None:
        waits = [wait(s3, DAYS, day) for day in days]
        await until(lambda: len(asked) >= 3)
        assert len(lister._listers) == 1
        [one] = lister._listers.values()
        assert one.holders == 100
        polls = len(asked)
        for day in days:
            await asyncio.to_thread(put, f"{DAYS.folder(day)}hours.csv")
        await asyncio.gather(*waits)
        assert len(asked) > polls

    run(work())
    assert {(each["Prefix"], each["StartAfter"][:15]) for each in asked} == {("bikes/forecast/", "bikes/forecast/")}
    assert asked[0]["StartAfter"] == "bikes/forecast/dt=2012-01-01/"


def test_waits_of_other_prefixes_and_other_buckets_do_not_share(s3: S3, put: Any) -> None:
    other = S3(bucket="others", access_key="key", secret_key="secret", endpoint=s3.endpoint)
    client: Any = connect(other)
    client.create_bucket(Bucket="others")

    async def work() -> None:
        waits = [
            wait(s3, DAYS, CHRISTMAS),
            wait(s3, HOURS, Partition.parse("2012-12-25T07")),
            wait(other, DAYS, CHRISTMAS),
        ]
        await asyncio.sleep(0)
        assert len(lister._listers) == 3
        assert len(lister._stores) == 2
        await asyncio.to_thread(put, "bikes/forecast/dt=2012-12-25/a.csv")
        await waits[0]
        await asyncio.sleep(0.3)
        assert [each.done() for each in waits] == [True, False, False]
        await gone(*waits)

    run(work())


def test_the_listing_ends_with_the_last_wait_and_begins_again(s3: S3, put: Any, asked: list[dict[str, Any]]) -> None:
    async def work() -> None:
        for day in ("2012-12-25", "2012-12-26"):
            waits = [wait(s3, DAYS, Partition.parse(day)) for _ in range(2)]
            await until(lambda: len(asked) >= 2)
            await gone(waits[0])
            assert not waits[1].done()
            await asyncio.to_thread(put, f"bikes/forecast/dt={day}/a.csv")
            await waits[1]
            done = len(asked)
            await asyncio.sleep(0.2)
            assert len(asked) == done

    run(work())


def test_ten_thousand_waits_ask_no_more_than_one(s3: S3, put: Any, asked: list[dict[str, Any]]) -> None:
    days = [Partition(date(1990, 1, 1) + timedelta(number)) for number in range(10_000)]

    async def work() -> None:
        tasks = len(asyncio.all_tasks())
        waits = [wait(s3, DAYS, day) for day in days]
        await until(lambda: len(asked) >= 2)
        assert len(asyncio.all_tasks()) == tasks + len(waits) + 1
        polls = len(asked)
        await asyncio.to_thread(put, f"{DAYS.folder(days[5000])}a.csv")
        await waits[5000]
        assert sum(each.done() for each in waits) == 1
        assert len(asked) - polls < 100
        assert all("ContinuationToken" not in each for each in asked)
        await gone(*waits)

    run(work())


# Which keys are asked for


def test_a_sweep_starts_at_the_earliest_wait_and_leaps_over_what_nobody_waits_for(
    s3: S3, put: Any, asked: list[dict[str, Any]], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("landfall.landing.waiting.sweep.PAGE", 10)
    for month in ("2011-06", "2012-01", "2012-02"):
        for day in range(1, 29):
            put(f"bikes/forecast/dt={month}-{day:02}/a.csv")

    async def work() -> None:
        late, early = wait(s3, DAYS, CHRISTMAS), wait(s3, DAYS, Partition.parse("2011-12-31"))
        await until(lambda: len(asked) >= 6)
        await gone(late, early)

    run(work())
    first = next(number for number, each in enumerate(asked) if each["StartAfter"] == "bikes/forecast/dt=2011-12-31/")
    assert [each["StartAfter"] for each in asked[first : first + 3]] == [
        "bikes/forecast/dt=2011-12-31/",
        "bikes/forecast/dt=2012-12-25/",
        "bikes/forecast/dt=2011-12-31/",
    ]


def test_a_folder_of_many_pages_is_read_to_its_end(s3: S3, put: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("landfall.landing.waiting.sweep.PAGE", 10)
    landing = Landing(prefix="bikes/forecast", ready=AtLeast(35))
    for number in range(34):
        put(f"bikes/forecast/dt=2012-12-25/{number:03}.csv")
    put("bikes/forecast/dt=2012-12-26/a.csv")

    async def work() -> None:
        waiting = wait(s3, landing, CHRISTMAS)
        await asyncio.sleep(0.4)
        assert not waiting.done()
        await asyncio.to_thread(put, "bikes/forecast/dt=2012-12-25/999.csv")
        await waiting

    run(work())


@pytest.mark.parametrize("name", HOSTILE, ids=range(len(HOSTILE)))
def test_no_key_disturbs_the_waits_of_others(s3: S3, put: Any, name: str) -> None:
    """The key is put past the server, whose URL handling takes not all that S3 takes; it is listed by HTTP."""
    key = f"bikes/forecast/dt=2012-12-25/{name}"
    s3_backends["123456789012"]["aws"].put_object(s3.bucket, key, b"1")
    counts = DAYS.partition_of(key) == CHRISTMAS

    async def work() -> None:
        waiting, other = wait(s3, DAYS, CHRISTMAS), wait(s3, DAYS, Partition.parse("2012-12-26"))
        if counts:
            await waiting
        await asyncio.to_thread(put, "bikes/forecast/dt=2012-12-26/a.csv")
        await other
        assert waiting.done() is counts
        await gone(waiting)

    run(work())
    assert counts is (name not in ("..", "../../etc/passwd.csv", "two\nlines.csv"))


def test_keys_that_are_no_partition_s_end_no_wait(s3: S3, put: Any) -> None:
    for key in ("a.csv", "dt=2012-12-25", "dt=2012-12-25/", "dt=2012-12-25/_part.csv", "dt=2012-12-25/more/a.csv"):
        put(f"bikes/forecast/{key}")
    for key in ("dt=2012-13-25/a.csv", "dt=2012-12-25/notes.txt", "DT=2012-12-25/a.csv", "dt=2012-12-250/a.csv"):
        put(f"bikes/forecast/{key}")

    async def work() -> None:
        waiting = wait(s3, DAYS, CHRISTMAS)
        await asyncio.sleep(0.4)
        assert not waiting.done()
        await gone(waiting)

    run(work())


# When a partition is ready


@pytest.mark.parametrize(
    ("ready", "names"),
    [
        (Marker(), ["a.csv", "_SUCCESS"]),
        (AtLeast(2), ["a.csv", "b.csv.gz"]),
        (AllNamed(("b.csv", "a.csv")), ["a.csv", "b.csv"]),
    ],
    ids=["marker", "at least", "all named"],
)
def test_a_wait_goes_on_until_its_partition_is_complete(s3: S3, put: Any, ready: Any, names: list[str]) -> None:
    landing = Landing(prefix="bikes/forecast", ready=ready)

    async def work() -> None:
        waiting = wait(s3, landing, CHRISTMAS)
        for name in names:
            await asyncio.sleep(0.3)
            assert not waiting.done()
            await asyncio.to_thread(put, f"bikes/forecast/dt=2012-12-25/{name}")
        await waiting

    run(work())


def test_a_settled_partition_is_noticed_without_any_change(s3: S3, put: Any) -> None:
    landing = Landing(prefix="bikes/forecast", ready=Settled(timedelta(seconds=2)))
    put("bikes/forecast/dt=2012-12-25/a.csv")

    async def work() -> None:
        waiting = wait(s3, landing, CHRISTMAS)
        await asyncio.sleep(0.5)
        assert not waiting.done()
        await waiting

    run(work())


def test_landings_with_other_rules_share_a_listing(s3: S3, put: Any, asked: list[dict[str, Any]]) -> None:
    marked = Landing(prefix="bikes/forecast", ready=Marker())
    hourly = Landing(prefix="bikes/forecast", folder_format="dt=%Y-%m-%d/hr=%H")

    async def work() -> None:
        waits = [
            wait(s3, DAYS, CHRISTMAS),
            wait(s3, marked, CHRISTMAS),
            wait(s3, hourly, Partition.parse("2012-12-25T07")),
        ]
        await until(lambda: len(asked) >= 2)
        assert len(lister._listers) == 1
        for key, ended in (("hr=07/a.csv", [2]), ("a.csv", [0, 2]), ("_SUCCESS", [0, 1, 2])):
            await asyncio.to_thread(put, f"bikes/forecast/dt=2012-12-25/{key}")
            await asyncio.sleep(0.4)
            assert [number for number, each in enumerate(waits) if each.done()] == ended
        await asyncio.gather(*waits)

    run(work())


def test_an_hour_of_a_zone_that_changes_its_clocks_is_awaited_by_its_folder(s3: S3, put: Any) -> None:
    """The hour that comes twice in autumn is one partition; that of the end of March is awaited by its name, too."""
    twice = BERLIN.calendar.holding(datetime(2012, 10, 28, 0, 30, tzinfo=UTC))
    assert twice == BERLIN.calendar.holding(datetime(2012, 10, 28, 1, 30, tzinfo=UTC))

    async def work() -> None:
        spring = BERLIN.calendar.holding(datetime(2012, 3, 25, 1, 30, tzinfo=UTC))
        waits = [wait(s3, BERLIN, twice), wait(s3, BERLIN, spring)]
        await asyncio.to_thread(put, "bikes/berlin/dt=2012-10-28/hr=02/a.csv")
        await waits[0]
        assert not waits[1].done()
        await asyncio.to_thread(put, "bikes/berlin/dt=2012-03-25/hr=03/a.csv")
        await waits[1]

    run(work())


def test_a_rule_that_fails_ends_its_own_waits_only(s3: S3, put: Any) -> None:
    class Broken:
        def lacks(self, listed: Any, now: datetime) -> str:
            raise ZeroDivisionError

    put("bikes/forecast/dt=2012-12-25/a.csv")

    async def work() -> None:
        broken, sound = (
            wait(s3, Landing(prefix="bikes/forecast", ready=cast(Any, Broken())), CHRISTMAS),
            wait(s3, DAYS, CHRISTMAS),
        )
        await sound
        with pytest.raises(ZeroDivisionError):
            await broken

    run(work())


# A store that does not answer


def test_an_outage_is_told_once_and_waited_out(
    s3: S3, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The server is stopped and another one started on its port."""
    monkeypatch.setattr("landfall.objects.client.ATTEMPTS", 1)
    caplog.set_level(logging.INFO, "landfall.landing")
    first = ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
    first.start()
    _, port = first.get_host_and_port()
    where = S3(bucket="landings", access_key="key", secret_key="secret", endpoint=f"http://127.0.0.1:{port}")
    own: Any = connect(where)
    if "landings" not in [each["Name"] for each in own.list_buckets()["Buckets"]]:
        own.create_bucket(Bucket="landings")
    told: list[LandingError] = []

    async def work() -> None:
        waiting = wait(where, DAYS, CHRISTMAS, told)
        [one] = [await _first_lister()]
        await until(lambda: bool(one.waits) and all(each.answered for each in one.waits))
        await asyncio.to_thread(first.stop)
        await until(lambda: one._poller.errors >= 4)
        assert not waiting.done()
        second = ThreadedMotoServer(ip_address="127.0.0.1", port=port, verbose=False)
        await asyncio.to_thread(second.start)
        again: Any = connect(where)
        await asyncio.to_thread(
            again.put_object, Bucket="landings", Key="bikes/forecast/dt=2012-12-25/a.csv", Body=b"1"
        )
        await waiting
        await asyncio.to_thread(second.stop)

    run(work())
    lines = [each for each in caplog.records if each.name == "landfall.landing.waiting.poller"]
    assert (
        lines[0].getMessage().startswith("The landings under `bikes/forecast/` could not be listed: the object store")
    )
    assert lines[-1].getMessage().startswith("The landings under `bikes/forecast/` are listed again, after ")
    assert [each.levelname for each in lines].count("INFO") == 1
    assert len({each.getMessage() for each in lines}) == len(lines) <= 4
    assert told == []


async def _first_lister() -> lister.Lister:
    await until(lambda: bool(lister._listers))
    return next(iter(lister._listers.values()))


def test_pauses_double_while_the_store_is_away_and_end_at_half_a_minute(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(poller, "FIRST", 1.0)
    monkeypatch.setattr("random.uniform", lambda low, high: high)
    pauses: list[float] = []

    async def fail() -> None:
        raise ConnectionError

    async def work() -> None:
        one = poller.Poller(S3(bucket="landings"), "bikes", fail, lambda: 1.0)

        async def rest(pause: float, took: float) -> None:
            pauses.append(pause)
            if len(pauses) == 8:
                raise asyncio.CancelledError

        monkeypatch.setattr(one, "_rest", rest)
        with pytest.raises(asyncio.CancelledError):
            await one.run()

    run(work())
    assert pauses == [1, 2, 4, 8, 16, 30, 30, 30]


def test_a_pause_is_as_long_as_five_sweeps(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(poller, "SHARE", 5.0)
    monkeypatch.setattr("random.uniform", lambda low, high: 1.0)
    pauses: list[float] = []

    async def slow() -> None:
        await asyncio.sleep(0.1)

    async def work() -> None:
        one = poller.Poller(S3(bucket="landings"), "bikes", slow, lambda: 0.2)

        async def rest(pause: float, took: float) -> None:
            pauses.append(pause)
            raise asyncio.CancelledError

        monkeypatch.setattr(one, "_rest", rest)
        with pytest.raises(asyncio.CancelledError):
            await one.run()

    run(work())
    assert pauses[0] >= 0.5


def test_a_bucket_that_is_missing_from_the_start_ends_the_wait(s3: S3) -> None:
    nowhere = S3(bucket="nowhere", access_key="key", secret_key="secret", endpoint=s3.endpoint)

    async def work() -> None:
        with pytest.raises(LandingError) as refused:
            await wait(nowhere, DAYS, CHRISTMAS)
        assert str(refused.value) == (
            "Waiting for `bikes/forecast/dt=2012-12-25/`: there is no bucket `nowhere`.\n"
            f"  looked: bucket `nowhere` at {s3.endpoint} answered 404 NoSuchBucket\n"
            "  left: the wait is tried again; what has landed stays, what was published stays\n"
            "  next: landfall up    (it makes the bucket; or set LANDFALL_S3_BUCKET to one that exists)"
        )

    run(work())


def test_a_bucket_that_vanishes_is_told_once_to_whoever_waits_and_the_wait_goes_on(s3: S3, put: Any) -> None:
    told: list[LandingError] = []
    client: Any = connect(s3)

    async def work() -> None:
        waiting = wait(s3, DAYS, CHRISTMAS, told)
        one = await _first_lister()
        await until(lambda: bool(one.waits) and all(each.answered for each in one.waits))
        client.delete_bucket(Bucket=s3.bucket)
        await until(lambda: one._poller.errors >= 3)
        late = wait(s3, DAYS, Partition.parse("2012-12-26"))
        with pytest.raises(LandingError, match="Waiting for `bikes/forecast/dt=2012-12-26/`: there is no bucket"):
            await late
        client.create_bucket(Bucket=s3.bucket)
        await asyncio.to_thread(put, "bikes/forecast/dt=2012-12-25/a.csv")
        await waiting

    run(work())
    assert [each.what for each in told] == [
        "Waiting for `bikes/forecast/dt=2012-12-25/`: there is no bucket `landings`."
    ]
    assert told[0].left == "the wait goes on; what has landed stays, what was published stays"


# Hints


def test_a_hint_makes_a_sleeping_lister_list_at_once(s3: S3, put: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(lister, "BUSY", 3600.0)
    monkeypatch.setattr(lister, "QUIET", 3600.0)

    async def work() -> None:
        waiting = wait(s3, DAYS, CHRISTMAS)
        one = await _first_lister()
        await until(lambda: all(each.answered for each in one.waits))
        await asyncio.to_thread(put, "bikes/forecast/dt=2012-12-25/a.csv")
        one.hint("other/prefix/dt=2012-12-25/a.csv")
        await asyncio.sleep(0.3)
        assert not waiting.done()
        one.hint("bikes/forecast/dt=2012-12-25/a.csv")
        await waiting

    run(work())


def test_messages_of_a_queue_are_hints_for_the_listers_of_their_bucket(
    s3: S3, put: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(lister, "BUSY", 3600.0)
    monkeypatch.setattr(lister, "WITH_MESSAGES", 3600.0)
    followed: list[tuple[str, Callable[[str, str], None]]] = []

    async def follow(settings: S3, queue_url: str, on_object: Callable[[str, str], None]) -> None:
        followed.append((queue_url, on_object))
        await asyncio.Event().wait()

    monkeypatch.setattr("landfall.landing.events.messages.follow", follow)

    async def work() -> None:
        waits = [
            asyncio.create_task(landed(s3, DAYS, day, tell=print, queue_url="http://127.0.0.1/1/landings"))
            for day in (CHRISTMAS, Partition.parse("2012-12-26"))
        ]
        one = await _first_lister()
        await until(lambda: all(each.answered for each in one.waits) and bool(followed))
        [(url, tell)] = followed
        assert url == "http://127.0.0.1/1/landings"
        await asyncio.to_thread(put, "bikes/forecast/dt=2012-12-25/a.csv")
        tell("another bucket", "bikes/forecast/dt=2012-12-25/a.csv")
        await asyncio.sleep(0.3)
        assert not waits[0].done()
        tell(s3.bucket, "bikes/forecast/dt=2012-12-25/a.csv")
        await waits[0]
        await gone(*waits)

    run(work())


# Watching everything


def test_a_watch_tells_what_comes_changes_and_goes_unless_somebody_waits_for_it(s3: S3, put: Any) -> None:
    put("bikes/forecast/dt=2012-12-01/a.csv")
    client: Any = connect(s3)
    folder = "bikes/forecast/dt=2012-12-02"

    async def work() -> None:
        changing = changes(s3, DAYS)
        await anext(changing)
        news = asyncio.create_task(anext(changing))

        async def told(after: Callable[[], Any]) -> None:
            nonlocal news
            await asyncio.to_thread(after)
            await asyncio.wait_for(news, 30)
            news = asyncio.create_task(anext(changing))
            await asyncio.sleep(0.2)
            assert not news.done()

        async def untold(after: Callable[[], Any]) -> None:
            await asyncio.to_thread(after)
            await asyncio.sleep(0.4)
            assert not news.done()

        waiting = wait(s3, Landing(prefix="bikes/forecast", ready=Marker()), CHRISTMAS)
        await told(lambda: put(f"{folder}/a.csv"))
        await told(lambda: put(f"{folder}/b.csv"))
        await told(lambda: put(f"{folder}/b.csv", b"2"))
        await told(lambda: put("bikes/forecast/nobody knows what this is"))
        await untold(lambda: put("bikes/elsewhere/dt=2012-12-02/a.csv"))
        await untold(lambda: put("bikes/forecast/dt=2012-12-25/a.csv"))
        await untold(lambda: put("bikes/forecast/dt=2012-12-25/_SUCCESS"))
        await waiting
        await told(lambda: put("bikes/forecast/dt=2012-12-25/b.csv"))
        await told(lambda: client.delete_object(Bucket=s3.bucket, Key=f"{folder}/b.csv"))
        await told(lambda: client.delete_object(Bucket=s3.bucket, Key=f"{folder}/a.csv"))
        await gone(news)
        await changing.aclose()

    run(work())


def test_a_watch_of_nothing_tells_nothing(s3: S3) -> None:
    async def work() -> None:
        changing = changes(s3, DAYS)
        news = asyncio.create_task(anext(changing))
        await asyncio.sleep(0.4)
        assert not news.done()
        await gone(news)
        await changing.aclose()

    run(work())


def test_a_watch_remembers_folders_not_keys(s3: S3, put: Any) -> None:
    for number in range(50):
        put(f"bikes/forecast/dt=2012-12-01/{number}.csv")
        put(f"bikes/forecast/rubbish-{number}/a.csv")

    async def work() -> None:
        changing = changes(s3, DAYS)
        await anext(changing)
        [watch] = (await _first_lister())._watches
        await until(lambda: watch.swept)
        assert sorted(watch._known) == ["", "bikes/forecast/dt=2012-12-01/"]
        await changing.aclose()

    run(work())
