"""The champion is what Landfall promoted, as long as MLflow has that very version; whatever else MLflow says is refused."""

import pytest

from landfall.errors import ModelError
from landfall.freshness import champion, history, notice, promote, served_at
from landfall.models.own import own_versions
from landfall.models.registry import registry

pytestmark = pytest.mark.stack


@pytest.fixture
def older(conn):
    """Writes a line as an older Landfall did, a day ago or in so many days."""

    def write(name, version, kind="promoted", replaced=None, days=0):
        conn.execute(
            "INSERT INTO landfall.promotions (model, version, replaced, at, kind, reason, by_run)"
            " VALUES (%s, %s, %s, clock_timestamp() + make_interval(days => %s), %s, 'r', 'older')",
            [name, version, replaced, days, kind],
        )

    return write


def refused(settings, conn, name):
    with pytest.raises(ModelError) as caught:
        champion(settings, conn, name)
    return str(caught.value).replace(name, "m")


def test_before_the_first_promotion_there_is_none(settings, conn, models):
    assert champion(settings, conn, models.new("2012-01-31")) is None


def test_an_alias_alone_makes_no_champion(settings, conn, models):
    name = models.new("2012-01-31", "2012-02-29")
    models.set_in_mlflow(name, "2")
    assert refused(settings, conn, name) == (
        "Version 2 of `m` is called the champion in MLflow, but Landfall did not promote it: it is not used.\n"
        "  looked: landfall.promotions has no promotion of this model\n"
        "  left: no version serves; nothing was changed\n"
        "  next: landfall models m    (then, to accept it: landfall promote m 2)"
    )
    promote(settings, conn, name, "2", expected=None, reason="accepted")
    assert champion(settings, conn, name).version == "2"


def test_a_champion_that_was_deleted_in_mlflow_is_told(settings, conn, models):
    name = models.new("2012-01-31", "2012-02-29")
    promote(settings, conn, name, "1", expected=None, reason="r")
    done = promote(settings, conn, name, "2", expected="1", reason="r")
    with registry(settings) as client:
        client.delete_model_version(name, "2")
    assert refused(settings, conn, name) == (
        "Version 2 of `m`, which serves, is not in MLflow any more.\n"
        f"  looked: landfall.promotions: promoted {done.at:%Y-%m-%d %H:%M:%S} UTC; in MLflow there is none\n"
        "  left: nothing was scored; what was published stays\n"
        "  next: landfall rollback m    (or: landfall train m)"
    )


def test_a_version_that_took_a_deleted_ones_number_is_not_the_champion(settings, conn, models):
    name = models.new("2012-01-31")
    done = promote(settings, conn, name, "1", expected=None, reason="r")

    def put(place):
        """Deletes the whole model: only then MLflow begins its numbers again."""
        with registry(settings) as client:
            client.delete_registered_model(name)
            client.create_registered_model(name)
            assert str(client.create_model_version(name, place).version) == "1"

    put(f"{models.place}/../b")
    assert refused(settings, conn, name).startswith(
        "Version 1 of `m` lies outside this project's artifacts; it is not read."
    )
    put(models.place)
    assert refused(settings, conn, name) == (
        "Version 1 of `m`, which serves, is not in MLflow any more.\n"
        f"  looked: landfall.promotions: promoted {done.at:%Y-%m-%d %H:%M:%S} UTC; in MLflow there is one of run none, at "
        f"{models.place}, which is not that one\n"
        "  left: nothing was scored; what was published stays\n"
        "  next: landfall rollback m    (or: landfall train m)"
    )


def test_a_version_that_lies_somewhere_else_is_not_promoted(settings, conn, models):
    name = models.new("2012-01-31")
    with registry(settings) as client:
        client.create_model_version(name, "file:///tmp/strangers/model")
    with pytest.raises(ModelError) as caught:
        promote(settings, conn, name, "2", expected=None, reason="r")
    assert str(caught.value) == (
        f"Version 2 of `{name}` lies outside this project's artifacts; it is not read.\n"
        f"  looked: file:///tmp/strangers/model; expected a place under {settings.mlflow_artifacts}\n"
        "  left: the champion stays as it was\n"
        f"  next: landfall models {name}    (and name a version that Landfall made)"
    )
    assert history(conn, name) == []


def test_what_was_promoted_before_there_were_notes_goes_on_serving_and_is_noted(settings, conn, models, older):
    name = models.new("2012-01-31")
    older(name, "1", days=1)
    models.set_in_mlflow(name, "1")
    assert champion(settings, conn, name).version == "1"
    assert own_versions(settings, name)["1"].how == "adopted"


def test_what_came_to_mlflow_after_the_promotion_of_its_number_is_not_adopted(settings, conn, models, older):
    """Somebody has deleted the version that was promoted, and registered another one: it has the same number."""
    name = models.new("2012-01-31")
    older(name, "1", days=-1)
    models.set_in_mlflow(name, "1")
    assert refused(settings, conn, name).startswith("Version 1 of `m`, which serves, is not in MLflow any more.")
    assert own_versions(settings, name) == {}


def test_a_pickle_is_adopted_by_nobody(settings, conn, models, older):
    from landfall.models.own import scoring_options

    name = models.new("2012-01-31")
    with registry(settings) as client:
        client.set_model_version_tag(name, "1", "landfall.library", "scikit-learn")
        client.set_model_version_tag(name, "1", "landfall.model_sha256", "0" * 64)
    older(name, "1", days=1)
    models.set_in_mlflow(name, "1")
    found = champion(settings, conn, name)
    assert found
    with pytest.raises(ModelError) as caught:
        scoring_options(settings, found)
    assert str(caught.value) == (
        f"Version 1 of `{name}` is a pickle that Landfall did not write; it is not loaded.\n"
        f"  looked: landfall.own_versions has no version 1 of run {found.run_id} there; MLflow's tags, which anybody may have "
        "set, do not count\n"
        "  left: the champion and what was published stay as they were\n"
        f"  next: landfall train {name}    (or, if you know who wrote it: landfall vouch {name} 1)"
    )


def test_what_an_older_landfall_had_noticed_in_mlflow_does_not_serve_any_more(settings, conn, models, older):
    name = models.new("2012-01-31", "2012-02-29")
    older(name, "1", days=-2)
    conn.execute("UPDATE landfall.promotions SET at = clock_timestamp() WHERE model = %s", [name])
    older(name, "2", "noticed", "1")
    models.set_in_mlflow(name, "2")
    seen = notice(settings, conn, name)
    assert (seen.version, seen.alias) == ("1", "2")
    assert champion(settings, conn, name).version == "1"
    ended = history(conn, name)[0]
    assert (ended.kind, ended.version, ended.replaced, ended.reason) == (
        "noticed",
        "1",
        "2",
        "what was set in MLflow itself does not serve any more: Landfall did not promote it",
    )
    assert served_at(conn, name, ended.at).version == "1"
    notice(settings, conn, name)
    assert history(conn, name)[0] == ended
