"""Tables of streams and of deployed models: which are served, how a row is read, when it is stale, why it is missing."""

from datetime import UTC, datetime, timedelta

import pytest

from landfall.deployments.names import TableName
from landfall.deployments.readable import ReadableTable
from landfall.errors import PublishingError, SpecError
from landfall.pipelines.libsvm import LIBSVM_STREAM
from landfall.publishing.keys import KeyValue, parse_key
from landfall.serving.answers import etag, row_answer
from landfall.serving.deployed import deployed_tables
from landfall.serving.known import UNKNOWN, Freshness, ReadTo, StreamStanding
from landfall.serving.listing import listed
from landfall.serving.live import LiveRow
from landfall.serving.streams import declared_tables, tables_of_streams

NOON = datetime(2026, 12, 1, 12, tzinfo=UTC)
TABLES = tables_of_streams([LIBSVM_STREAM])
PREDICTIONS = TABLES["streams/libsvm_predictions"]
WINDOWS = TABLES["streams/libsvm_accuracy"]


def standing(*, newest: datetime | None = NOON, offset: int = 100) -> StreamStanding:
    """How a stream of two partitions stands: one has had rows up to `newest`, the other none."""
    places = {("libsvm", 0): ReadTo(offset, newest), ("libsvm", 1): ReadTo(0, None)}
    return StreamStanding(
        state="running", heartbeat=datetime.now(UTC), model_version="3", lag_rows=7, lag_seconds=0.5, places=places
    )


def known(now: StreamStanding) -> Freshness:
    return Freshness(NOON, {}, {}, {}, {"libsvm_stream": now})


def window(start: datetime) -> LiveRow:
    values = {"window_end": start + timedelta(seconds=10), "rows": 5}
    return LiveRow(key={"label": 1, "window_start": start}, values=values, model_version="")


def readable(**changes: object) -> ReadableTable:
    fields = {
        "table": TableName("public", "flowers"), "model": "iris", "version": "2", "since": NOON, "key": ("id",), "closed": (),
        "columns": {"id": "bigint", "prediction": "text", "model_version": "text"},
    }  # fmt: skip
    return ReadableTable(**{**fields, **changes})  # type: ignore[arg-type]


def test_predictions_windows_and_late_rows_of_a_stream_are_served_and_dead_letters_are_not():
    assert list(TABLES) == ["streams/libsvm_predictions", "streams/libsvm_accuracy", "streams/libsvm_late"]
    assert PREDICTIONS.table.key == ("topic", "partition", "offset")
    assert WINDOWS.table.key == ("label", "window_start")
    assert WINDOWS.table.columns["model_versions"] == "text[]"
    assert WINDOWS.table.columns["accuracy"] == "double precision"
    assert set(TABLES) < set(declared_tables())


def test_a_key_is_read_in_the_types_of_the_table():
    key = parse_key(PREDICTIONS.table, {"offset": "12", "topic": "libsvm", "partition": 1})
    assert key == {"topic": "libsvm", "partition": 1, "offset": 12}
    statement = PREDICTIONS.reading.row(key)
    assert statement.text.endswith(
        'FROM "streams"."libsvm_predictions" t'
        ' WHERE t."topic" = $1::text AND t."partition" = $2::integer AND t."offset" = $3::bigint'
    )
    assert statement.parameters == ["libsvm", 1, 12]


def test_a_page_goes_on_after_the_last_row():
    page = WINDOWS.reading.page({"label": 1}, first=NOON, until=None, after=NOON, limit=11)
    assert page.text.endswith(
        'WHERE t."label" = $1::integer AND t."window_start" >= $2::timestamptz AND t."window_start" > $3::timestamptz'
        ' ORDER BY t."window_start" LIMIT $4::bigint'
    )
    assert page.parameters == [1, NOON, NOON, 11]


def test_a_batch_says_which_key_a_row_is_for():
    statement = WINDOWS.reading.batch([{"label": 1, "window_start": NOON}, {"label": 0, "window_start": NOON}])
    assert "unnest($1::integer[], $2::timestamptz[]) WITH ORDINALITY AS k(c1, c2, asked)" in statement.text
    assert statement.parameters == [[1, 0], [NOON, NOON]]


@pytest.mark.parametrize(
    ("kind", "value", "parsed", "cast"),
    [
        ("uuid", "8C5B5E0A5A1D4F3C9D4E2F1B0C7A6E11", "8c5b5e0a-5a1d-4f3c-9d4e-2f1b0c7a6e11", "::text::uuid"),
        ("numeric(7,2)", "1.50", "1.50", "::text::numeric"),
        ("date", "2012-12-25", "2012-12-25", "::text::date"),
        ("boolean", "TRUE", "true", "::text::boolean"),
        ("character varying(20)", "a", "a", "::text::character varying"),
        ("smallint", "7", 7, "::smallint"),
    ],
)
def test_other_types_of_keys_are_checked_here_and_cast_there(kind, value, parsed, cast):
    served = deployed_tables([readable(columns={"id": kind})]).table("deployed/public.flowers")
    key = parse_key(served.table, {"id": value})
    assert key == {"id": parsed}
    assert served.reading.row(key).text.endswith(f'FROM "public"."flowers" t WHERE t."id" = $1{cast}')


@pytest.mark.parametrize(
    ("kind", "value"), [("uuid", "x"), ("numeric", "NaN"), ("numeric", "1e9999"), ("date", "25.12.2012"), ("boolean", "1"),
                        ("smallint", "32768"), ("integer", "2147483648")],
)  # fmt: skip
def test_a_malformed_value_is_refused_before_the_database_is_asked(kind, value):
    served = deployed_tables([readable(columns={"id": kind})]).table("deployed/public.flowers")
    with pytest.raises(PublishingError, match="The key column `id` cannot be"):
        parse_key(served.table, {"id": value})


def test_a_window_is_open_until_no_row_can_be_in_time_for_it():
    until = window(NOON - timedelta(seconds=20))
    assert WINDOWS.stale(until, known(standing())) == ""
    assert WINDOWS.stale(until, known(standing(newest=NOON - timedelta(microseconds=1)))) == "window open"
    assert WINDOWS.stale(until, known(standing(newest=None))) == "window open"


def test_a_prediction_is_final():
    row = LiveRow(key={"topic": "libsvm", "partition": 0, "offset": 1}, values={"prediction": 1.0}, model_version="1")
    assert PREDICTIONS.stale(row, known(standing())) == ""


def test_a_row_comes_with_its_version_and_without_a_publication():
    row = LiveRow(key={"topic": "libsvm", "partition": 0, "offset": 1}, values={"prediction": 1.0}, model_version="1")
    assert row_answer(PREDICTIONS, row, UNKNOWN) == {
        "table": "streams/libsvm_predictions",
        "key": {"topic": "libsvm", "partition": 0, "offset": 1},
        "values": {"prediction": 1.0},
        "model_version": "1",
        "freshness": {"stale": False, "reason": ""},
    }


def test_the_tag_of_rows_changes_with_any_of_them():
    rows = [window(NOON), window(NOON + timedelta(seconds=10))]
    assert etag(rows) == etag(list(rows))
    assert len({etag(rows), etag(rows[:1]), etag(rows[::-1]), etag(rows, True)}) == 4
    assert etag(rows).startswith('W/"')


def test_a_message_that_was_not_read_yet_is_waited_for():
    key: dict[str, KeyValue] = {"topic": "libsvm", "partition": 0, "offset": 100}
    assert PREDICTIONS.absence(key, standing()) == (
        "waiting",
        "the stream is at offset 100 of this partition; it is running",
    )
    assert PREDICTIONS.absence({**key, "offset": 99}, standing()) == (
        "absent",
        "this message became a dead letter, or is no longer kept",
    )
    assert PREDICTIONS.absence({**key, "partition": 7}, standing()) == (
        "absent",
        "the stream reads no such partition; it reads libsvm 0, libsvm 1",
    )
    assert PREDICTIONS.absence(key, None) == ("waiting", "the stream has read nothing yet")


def test_a_window_that_no_row_has_reached_is_waited_for():
    later = NOON + timedelta(hours=1)
    assert WINDOWS.absence({"label": 1, "window_start": later}, standing()) == (
        "waiting",
        f"the stream has read rows up to {NOON.isoformat()}; it is running",
    )
    assert WINDOWS.absence({"label": 1, "window_start": NOON - timedelta(hours=1)}, standing())[0] == "absent"


def test_a_stream_without_a_sign_of_life_is_silent():
    assert standing().word(datetime.now(UTC) + timedelta(minutes=1)) == "silent"


def test_a_deployed_table_is_served_with_the_columns_that_its_owner_has_opened():
    served = deployed_tables([readable(columns={"id": "bigint", "prediction": "text"})]).table(
        "deployed/public.flowers"
    )
    assert listed(served, UNKNOWN) == {
        "name": "deployed/public.flowers",
        "key": {"id": "bigint"},
        "values": {"prediction": "text"},
        "model": "iris",
        "newest": None,
        "stale": [],
        "late": [],
        "live": {"model_version": "2", "since": NOON.isoformat()},
    }


def test_a_row_of_a_deployed_table_is_stale_when_another_version_scores_now():
    served = deployed_tables([readable()]).table("deployed/public.flowers")

    def row(version: str) -> LiveRow:
        return LiveRow(key={"id": 1}, values={}, model_version=version)

    assert [served.stale(row(version), UNKNOWN) for version in ("2", "1", "")] == ["", "model changed", "not scored"]


def test_what_its_owner_has_not_opened_is_refused_with_the_grant():
    with pytest.raises(PublishingError) as refusal:
        deployed_tables([readable(closed=("id",))]).table("deployed/public.flowers")
    assert str(refusal.value) == (
        "`deployed/public.flowers` is not served: the owner of `public.flowers` has not let the service read it.\n"
        "  looked: columns of its key: id\n"
        "  next: as its owner: landfall sql 'GRANT USAGE ON SCHEMA \"public\" TO landfall_serving'"
        ' && landfall sql \'GRANT SELECT ON "public"."flowers" TO landfall_serving\''
    )


@pytest.mark.parametrize(
    ("changes", "why"),
    [
        ({"key": ()}, "it has no primary key"),
        ({"columns": {"id": "jsonb"}}, "`id` of its key is jsonb"),
        ({"table": TableName("public", "a/b")}, "its name has signs that an address cannot have"),
        ({"table": TableName("a.b", "c")}, "its name has signs that an address cannot have"),
    ],
)
def test_a_table_that_cannot_be_served_says_why(changes, why):
    table = readable(**changes)
    with pytest.raises(PublishingError) as refusal:
        deployed_tables([table]).table(f"deployed/{table.table}")
    assert refusal.value.what == f"`deployed/{table.table}` cannot be served: {why}."


def test_an_unknown_table_gets_the_nearest_name():
    with pytest.raises(PublishingError, match=r"Did you mean `deployed/public\.flowers`"):
        deployed_tables([readable()]).table("deployed/public.flower")


def test_a_key_column_with_the_name_of_a_parameter_is_refused():
    served = deployed_tables([readable(key=("limit",), columns={"limit": "bigint"})])
    with pytest.raises(PublishingError, match="is a column of its key and a parameter of the service"):
        served.table("deployed/public.flowers")
    assert not isinstance(served.refused["deployed/public.flowers"], SpecError)
