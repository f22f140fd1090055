"""A model goes back, and what readers see goes back with it, row for row."""

import pytest

from landfall.errors import ModelError, PublishingError
from landfall.freshness import history, notice, promote, roll_back_model, rollback
from landfall.models.registry import champion_version
from landfall.publishing import publications
from landfall.publishing import rollback as roll_back_partition

pytestmark = pytest.mark.stack


@pytest.fixture
def serve(settings, conn):
    """Promotes a version."""

    def go(name, number, kind="promoted"):
        promote(settings, conn, name, number, expected=champion_version(settings, name), reason="better", kind=kind)

    return go


@pytest.fixture
def made(models, hours, serve):
    """Version 1 published three days; then version 2 published the last two of them again, and one more."""
    name = models.new("2012-01-31", "2012-02-05", "2012-02-06")
    one = hours(name)
    serve(name, "1")
    for number, day in enumerate(("2012-02-08", "2012-02-09", "2012-02-10")):
        one.publish(day, "1", 10.0 + number)
    serve(name, "2")
    return one


def again(one):
    for number, day in enumerate(("2012-02-09", "2012-02-10", "2012-02-11")):
        one.publish(day, "2", 20.0 + number)


def test_registry_and_rows_go_back_exactly(settings, conn, made):
    before = made.seen()
    again(made)
    done = roll_back_model(settings, conn, made.pipeline)
    name = made.pipeline.training.model
    assert champion_version(settings, name) == "1"
    assert (done.version, done.replaced, done.withdrawn) == ("1", "2", ("2",))
    assert [(str(each.partition), each.model_version) for each in done.restored] == [
        ("2012-02-09", "1"),
        ("2012-02-10", "1"),
    ]
    assert str(done.kept) == "2012-02-11"
    assert made.seen()[:3] == before
    assert [(row[3], row[4]) for row in made.seen()[3:]] == [(22.0, "2")]
    last = history(conn, name)[0]
    assert (last.kind, last.version, last.replaced, last.reason) == ("rolled back", "1", "2", "rolled back by hand")
    assert last.by_run == "landfall rollback"


def test_asked_again_there_is_nothing_before(settings, conn, made):
    roll_back_model(settings, conn, made.pipeline)
    name = made.pipeline.training.model
    with pytest.raises(ModelError) as refused:
        roll_back_model(settings, conn, made.pipeline)
    assert str(refused.value) == (
        f"`{name}` was not rolled back: no version served before.\n"
        "  looked: landfall.promotions: 3 changes; version 1 serves\n"
        "  left: version 1 serves; readers see what they saw before\n"
        f"  next: landfall models {name}"
    )


def test_before_any_promotion_there_is_nothing_to_go_back_from(settings, conn, models, hours):
    name = models.new("2012-01-31")
    with pytest.raises(ModelError) as refused:
        roll_back_model(settings, conn, hours(name).pipeline)
    assert str(refused.value) == (
        f"`{name}` was not rolled back: no version served before.\n"
        "  looked: landfall.promotions: 0 changes; no version serves\n"
        "  left: no version serves; readers see what they saw before\n"
        f"  next: landfall models {name}"
    )


def test_an_unknown_version_changes_nothing(settings, conn, made):
    again(made)
    before, name = made.seen(), made.pipeline.training.model
    with pytest.raises(ModelError, match=rf"^There is no version of `{name}` `9`\.\n  looked: known: 1, 2, 3\n"):
        roll_back_model(settings, conn, made.pipeline, "9")
    assert (champion_version(settings, name), made.seen()) == ("2", before)


def test_several_versions_back_takes_all_of_theirs_away(settings, conn, made, serve):
    before = made.seen()
    again(made)
    serve(made.pipeline.training.model, "3")
    made.publish("2012-02-10", "3", 30.0)
    done = roll_back_model(settings, conn, made.pipeline, "1")
    assert (done.replaced, done.withdrawn) == ("3", ("2", "3"))
    assert made.seen()[:3] == before
    assert str(done.kept) == "2012-02-11"


def test_one_back_leaves_what_earlier_versions_published(settings, conn, made, serve):
    again(made)
    before = made.seen()
    serve(made.pipeline.training.model, "3")
    made.publish("2012-02-10", "3", 30.0)
    done = roll_back_model(settings, conn, made.pipeline)
    assert (done.version, done.withdrawn) == ("2", ("3",))
    assert made.seen() == before
    assert str(done.kept) == ""


def test_a_version_that_was_rolled_back_is_not_gone_back_to(settings, conn, made, serve):
    name = made.pipeline.training.model
    roll_back_model(settings, conn, made.pipeline)
    serve(name, "3")
    assert roll_back_model(settings, conn, made.pipeline).version == "1"


def test_a_version_that_never_served_can_be_named(settings, conn, made):
    again(made)
    before = made.seen()
    done = roll_back_model(settings, conn, made.pipeline, "3")
    assert (done.version, done.withdrawn, done.restored) == ("3", ("2",), ())
    assert str(done.kept) == "2012-02-09..2012-02-11"
    assert made.seen() == before


def test_a_rollback_is_undone_by_naming_the_version_it_withdrew(settings, conn, made):
    again(made)
    before = made.seen()
    roll_back_model(settings, conn, made.pipeline)
    done = roll_back_model(settings, conn, made.pipeline, "2")
    assert (done.version, done.withdrawn) == ("2", ("1",))
    assert made.seen() == before
    assert str(done.kept) == ""
    assert roll_back_model(settings, conn, made.pipeline).version == "1"


def test_the_newest_kept_publication_of_the_version_comes_back(settings, conn, made):
    made.publish("2012-02-09", "1", 11.5)
    again(made)
    roll_back_model(settings, conn, made.pipeline)
    assert [row[3] for row in made.seen()] == [10.0, 11.5, 12.0, 22.0]


def test_interrupted_between_two_partitions_it_is_completed_by_asking_again(settings, conn, made, monkeypatch):
    before = made.seen()
    again(made)
    original, name = roll_back_partition, made.pipeline.training.model

    def fail(conn, table, partition, **more):
        if str(partition) == "2012-02-10":
            raise PublishingError("readers held on", looked="pid 7")
        return original(conn, table, partition, **more)

    with monkeypatch.context() as patch:
        patch.setattr(rollback, "rollback", fail)
        with pytest.raises(PublishingError) as failed:
            roll_back_model(settings, conn, made.pipeline)
    assert str(failed.value) == (
        "Version 1 serves again, but 2012-02-10 was not swapped back: readers held on\n"
        "  looked: pid 7\n"
        "  left: 1 of 2 partitions are swapped back; the others show what they showed before\n"
        f"  next: landfall rollback {name} --to 1"
    )
    done = roll_back_model(settings, conn, made.pipeline)
    assert (done.version, done.replaced, done.withdrawn) == ("1", "1", ("2",))
    assert [str(each.partition) for each in done.restored] == ["2012-02-10"]
    assert made.seen()[:3] == before
    assert [each.kind for each in history(conn, name)] == ["rolled back", "promoted", "promoted"]


def test_what_a_run_of_the_withdrawn_version_publishes_late_is_taken_back_by_asking_again(settings, conn, made):
    roll_back_model(settings, conn, made.pipeline)
    before = made.seen()
    made.publish("2012-02-10", "2", 99.0)
    assert [str(each.partition) for each in roll_back_model(settings, conn, made.pipeline).restored] == ["2012-02-10"]
    assert made.seen() == before


def test_the_registry_goes_first(settings, conn, made, monkeypatch):
    again(made)
    name, seen = made.pipeline.training.model, []
    original = roll_back_partition

    def look(conn, table, partition, **more):
        seen.append(champion_version(settings, name))
        return original(conn, table, partition, **more)

    monkeypatch.setattr(rollback, "rollback", look)
    roll_back_model(settings, conn, made.pipeline)
    assert seen == ["1", "1"]


def test_a_registry_that_is_away_leaves_rows_as_they_are(settings, conn, made, monkeypatch):
    again(made)
    before = made.seen()

    def away(*_):
        raise ModelError("The model registry does not answer.")

    with monkeypatch.context() as patch:
        patch.setattr("landfall.freshness.promotions.set_champion", away)
        with pytest.raises(ModelError, match="does not answer"):
            roll_back_model(settings, conn, made.pipeline)
    assert made.seen() == before
    assert notice(settings, conn, made.pipeline.training.model).version == "2"
    assert {record.state for record in publications(conn, made.pipeline.table)} == {"published", "superseded"}


def test_an_alias_set_back_in_mlflow_itself_takes_nothing_back_until_a_rollback_does(settings, conn, made, models):
    before = made.seen()
    again(made)
    models.set_in_mlflow(made.pipeline.training.model, "1")
    done = roll_back_model(settings, conn, made.pipeline, "1")
    assert (done.version, done.replaced, done.withdrawn) == ("1", "2", ("2",))
    assert made.seen()[:3] == before
