"""The mirror in DynamoDB, judged by moto: switched whole, safe to run again, and cleaned up behind."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from moto import mock_aws

from landfall.errors import PublishingError, SpecError
from landfall.publishing.mirror import MirrorReader, MirrorStore, ToCopy, items, mirror_partition, write
from landfall.publishing.reading import PublishedRow
from landfall.spec import DynamoMirror, PredictionTable

TABLE = PredictionTable(
    name="predictions.mirrored",
    columns={"city": "text", "time": "timestamptz", "predicted": "double precision", "count": "bigint", "note": "text"},
    key=("city", "time"),
    mirror=DynamoMirror(table="landfall-test"),
)
NOON = datetime(2012, 12, 25, 12, tzinfo=UTC)
DAY = "2012-12-25"
KEY = {"city": "Washington", "time": NOON}


@pytest.fixture
def store(monkeypatch: pytest.MonkeyPatch) -> Iterator[MirrorStore]:
    for name in ("AWS_ENDPOINT_URL", "AWS_ENDPOINT_URL_S3", "AWS_ENDPOINT_URL_DYNAMODB", "AWS_PROFILE"):
        monkeypatch.delenv(name, raising=False)
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.setenv(name, "x")
    with mock_aws():
        import boto3

        client: Any = boto3.client("dynamodb", region_name="us-east-1")
        made = MirrorStore(client, TABLE)
        assert made.make()
        yield made


def row(hour: int, predicted: float | None, *, publication: int = 1, note: str | None = "é") -> PublishedRow:
    return PublishedRow(
        key={"city": "Washington", "time": NOON + timedelta(hours=hour)},
        values={"predicted": predicted, "count": 2**53 + 1, "note": note},
        model_version="3", partition=DAY, published_at=NOON, publication=publication, fingerprint=f"print {publication}",
    )  # fmt: skip


def publication(number: int, *, rows: int = 3, count: int | None = None, base: float = 0.0) -> ToCopy:
    return ToCopy(
        publication=number,
        fingerprint=f"print {number}",
        published_at=NOON,
        count=rows if count is None else count,
        rows=lambda: (row(hour, base + hour, publication=number) for hour in range(rows)),
    )


def mirrored(store: MirrorStore, number: int, **shape: Any) -> write.Copied:
    return mirror_partition(store, DAY, lambda: publication(number, **shape))


def read(store: MirrorStore, *hours: int, reader: MirrorReader | None = None) -> list[PublishedRow | None]:
    keys: list[Any] = [{**KEY, "time": NOON + timedelta(hours=hour)} for hour in hours]
    return (reader or MirrorReader(store.dynamodb, TABLE)).rows(keys, [DAY] * len(keys))


def items_of(store: MirrorStore, begins: str) -> int:
    found = store.dynamodb.scan(TableName=store.where)["Items"]  # type: ignore[attr-defined]
    return sum(item["pk"]["S"].startswith(begins) for item in found)


def test_a_row_comes_back_as_it_was_published(store):
    assert mirrored(store, 1) == write.Copied(partition=DAY, outcome="switched", rows=3, deleted=0)
    assert read(store, 0, 2, 3) == [row(0, 0.0), row(2, 2.0), None]


@pytest.mark.parametrize("number", [0.1, -1e-200, 1.7e308, 5e-324, float("inf"), None])
def test_every_number_comes_back_exactly(store, number):
    once = ToCopy(publication=1, fingerprint="print 1", published_at=NOON, count=1, rows=lambda: [row(0, number)])
    mirror_partition(store, DAY, lambda: once)
    assert read(store, 0) == [row(0, number)]


def test_a_rerun_changes_nothing(store):
    mirrored(store, 1)
    before = store.pointer(DAY)
    assert mirrored(store, 1) == write.Copied(partition=DAY, outcome="unchanged", rows=0, deleted=0)
    assert store.pointer(DAY) == before


def test_the_generation_before_the_last_is_deleted_and_the_last_is_kept(store):
    assert [mirrored(store, number).deleted for number in (1, 2, 3, 4)] == [0, 0, 3, 3]
    assert items_of(store, "rows") == 6
    pointer = store.pointer(DAY)
    assert [one.name for one in store.generations(DAY)] == [pointer.previous, pointer.generation]
    assert read(store, 0)[0].publication == 4


def test_a_rollback_is_a_switch_like_any_other(store):
    for number in (1, 2, 1):
        assert mirrored(store, number).outcome == "switched"
    assert read(store, 1)[0].publication == 1


def test_readers_see_nothing_of_a_generation_until_the_switch(store, monkeypatch):
    mirrored(store, 1)

    def fails(*_: object) -> bool:
        assert [found.publication for found in read(store, 0, 1, 2) if found] == [1, 1, 1]
        raise PublishingError("the process dies before the switch")

    with monkeypatch.context() as broken:
        broken.setattr(MirrorStore, "switch", fails)
        with pytest.raises(PublishingError, match="dies before the switch"):
            mirrored(store, 2)
    assert items_of(store, "rows") == 6  # what the dead process left
    assert mirrored(store, 2).outcome == "switched"
    monkeypatch.setattr(write, "LEFT_AFTER", timedelta(seconds=-1))
    assert mirrored(store, 2) == write.Copied(partition=DAY, outcome="unchanged", rows=0, deleted=3)


def test_a_batch_is_of_one_generation_while_readers_are_switched_under_it(store):
    mirrored(store, 1)
    plain, switched = store.get, []

    class Switching(MirrorReader):
        pass

    def get_after_two_switches(keys: Any) -> Any:
        if not switched:
            switched.extend(mirrored(store, number) for number in (2, 3))  # deletes the generation that is being read
        return plain(keys)

    reader = Switching(store.dynamodb, TABLE)
    reader.store.get = get_after_two_switches  # type: ignore[method-assign]
    assert [found.publication for found in read(store, 0, 1, 2, reader=reader) if found] == [3, 3, 3]


def test_an_older_publication_never_takes_the_place_of_a_newer_one(store):
    mirrored(store, 1)
    looks = []

    def look() -> ToCopy:
        if looks:
            return publication(3)
        looks.append(1)
        old = publication(2)
        mirrored(store, 3)  # another process switches between our look and our switch
        return old

    assert mirror_partition(store, DAY, look).outcome == "unchanged"
    assert read(store, 0)[0].publication == 3
    assert len(store.generations(DAY)) == 2


def test_a_partition_that_is_published_no_more_is_taken_away_with_its_rows(store):
    mirrored(store, 1)
    assert mirror_partition(store, DAY, lambda: None) == write.Copied(
        partition=DAY, outcome="removed", rows=0, deleted=3
    )
    assert read(store, 0) == [None]
    assert items_of(store, "") == 0
    assert mirror_partition(store, DAY, lambda: None).outcome == "unchanged"


def test_rows_that_were_not_all_read_are_never_switched_in(store):
    with pytest.raises(PublishingError, match="has 4 rows, 3 were read"):
        mirrored(store, 1, count=4)
    assert store.pointer(DAY) is None
    assert items_of(store, "") == 0


def test_many_rows_are_in_several_buckets(store, monkeypatch):
    monkeypatch.setattr(write, "BUCKET_ROWS", 50)
    mirrored(store, 1, rows=320)
    assert store.pointer(DAY).buckets == 7
    assert [found.values["predicted"] for found in read(store, *range(320)) if found] == [float(n) for n in range(320)]
    assert mirrored(store, 2).deleted == 0
    assert mirrored(store, 3).deleted == 320


def test_the_nearest_partitions_are_named(store):
    for name in ("2012-12-20", "2012-12-24", "2012-12-26", "2012-12-28"):
        mirror_partition(store, name, lambda: publication(1))
    assert MirrorReader(store.dynamodb, TABLE).nearest(DAY) == ["2012-12-20", "2012-12-24", "2012-12-26", "2012-12-28"]


def test_a_missing_table_says_how_it_is_made(store):
    elsewhere = PredictionTable(
        name=TABLE.name, columns=TABLE.columns, key=TABLE.key, mirror=DynamoMirror(table="nowhere")
    )
    with pytest.raises(PublishingError, match="The mirror `nowhere`") as failure:
        MirrorStore(store.dynamodb, elsewhere).pointer(DAY)
    assert failure.value.next == "landfall mirror NAME --create"
    assert not store.make()


def test_a_table_without_a_mirror_says_where_one_is_declared(store):
    plain = PredictionTable(name=TABLE.name, columns=TABLE.columns, key=TABLE.key)
    with pytest.raises(PublishingError, match="has no mirror") as failure:
        MirrorStore(store.dynamodb, plain)
    assert failure.value.next == 'declare PredictionTable(mirror=DynamoMirror(table="..."))'


def test_a_name_that_dynamodb_does_not_take_is_refused():
    with pytest.raises(SpecError, match=r"DynamoMirror\.table is `a b`"):
        DynamoMirror(table="a b")


def test_the_key_of_a_row_is_the_same_from_a_caller_and_from_the_table():
    assert items.key_text(TABLE, KEY) == '["Washington","2012-12-25T12:00:00+00:00"]'
