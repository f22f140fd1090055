"""Long listings, on a store that is not Amazon's: every key once and in order, whatever lies between the folders."""

import itertools
from collections.abc import Iterator
from datetime import date, timedelta
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from moto.server import ThreadedMotoServer

from landfall.objects import listing
from landfall.objects.client import connect
from landfall.spec import S3, Landing


@pytest.fixture(scope="module")
def client() -> Iterator[Any]:
    """A client of an S3 of this module's own, in memory."""
    server = ThreadedMotoServer(ip_address="127.0.0.1", port=0)
    server.start()
    host, port = server.get_host_and_port()
    made: Any = connect(S3(bucket="lake", endpoint=f"http://{host}:{port}", access_key="a", secret_key="b"))
    made.create_bucket(Bucket="lake")
    yield made
    server.stop()


def put(client: Any, keys: list[str]) -> list[str]:
    for key in keys:
        client.put_object(Bucket="lake", Key=key, Body=b"x")
    return sorted(keys)


def names(client: Any, landing: Landing) -> list[str]:
    return [each.key for each in listing.of_landing(client, "lake", landing)]


@pytest.mark.parametrize("folder_format", ["dt=%Y-%m-%d", "%Y/%m/%d", "%Y%m%d/hr=%H"])
def test_a_long_listing_gives_every_key_once_and_in_order(
    client: Any, folder_format: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(listing, "PAGE", 50)
    landing = Landing(prefix=f"long{len(folder_format)}", folder_format=folder_format)
    days = [date(2011, 12, 20) + timedelta(days=n) for n in range(40)]
    keys = [f"{landing.prefix}/{day.strftime(folder_format)}/part-{n:02}.csv" for day in days for n in range(3)]
    keys += [
        f"{landing.prefix}/{name}" for name in ("a.txt", "dt=2011-12-", "dt=2012-01-notes.txt", "2012", "zz/x.csv")
    ]
    landed = put(client, keys)
    assert names(client, landing) == landed


STRAYS = ["dt=2011-12-31", "dt=2011-12-", "dt=2012-01-01", "dt=2012-01-01x", "x", "dt="]
NUMBERS = itertools.count()


@settings(max_examples=20, deadline=None)
@given(st.sets(st.sampled_from([f"{name}{end}" for name in STRAYS for end in ("", "/f.csv")])))
def test_strays_between_the_folders_are_neither_lost_nor_told_twice(client: Any, strays: set[str]) -> None:
    prefix, page = f"stray{next(NUMBERS)}", listing.PAGE
    landed = put(client, [f"{prefix}/{name}" for name in strays])
    listing.PAGE = 2
    try:
        assert names(client, Landing(prefix=prefix)) == landed
    finally:
        listing.PAGE = page


def test_a_short_listing_asks_once(client: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    put(client, [f"short/dt=2012-01-{n:02}/a.csv" for n in range(1, 20)])
    asked: list[object] = []
    real = client.list_objects_v2

    def list_objects(**which: object) -> object:
        asked.append(which)
        return real(**which)

    monkeypatch.setattr(client, "list_objects_v2", list_objects)
    assert len(names(client, Landing(prefix="short"))) == 19
    assert len(asked) == 1
