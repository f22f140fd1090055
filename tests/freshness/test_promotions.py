"""Promotion on a real registry and a real PostgreSQL: compared, remembered, and healed after any interruption."""

import contextlib
import os
import signal
import socket
import subprocess
import sys
import threading
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace

import psycopg
import pytest
from hypothesis import HealthCheck, given
from hypothesis import settings as tuned
from hypothesis import strategies as st

from landfall.database import fetch_one
from landfall.errors import LandfallError, ModelError, PublishingError
from landfall.freshness import champion, current, history, notice, other_aliases, promote, promotions
from landfall.models.registry import champion_version, registry, set_champion

pytestmark = pytest.mark.stack


def lines(conn, name):
    """The history, oldest first: kind, version, replaced."""
    return [(each.kind, each.version, each.replaced) for each in reversed(history(conn, name))]


def begun(conn, name):
    return conn.execute("SELECT count(*) FROM landfall.promotions_begun WHERE model = %s", [name]).fetchone() == (1,)


def test_the_first_promotion_and_the_next_are_remembered_with_their_reasons(settings, conn, models):
    name = models.new("2012-01-31", "2012-02-29")
    first = promote(settings, conn, name, "1", expected=None, reason="the first", by_run="manual__1")
    second = promote(
        settings, conn, name, "2", expected="1", reason="rmse 30, the champion's 40", by_run="r", report={"rows": 24}
    )
    assert champion(settings, conn, name).version == champion_version(settings, name) == "2"
    assert (first.version, first.replaced, first.reason, first.by_run) == ("1", None, "the first", "manual__1")
    assert history(conn, name) == [second, first]
    assert second.report == {"rows": 24}
    assert second.at > first.at
    assert not begun(conn, name)


def test_a_report_with_numbers_that_json_has_not_is_kept(settings, conn, models):
    name = models.new("2012-01-31")
    done = promote(settings, conn, name, "1", expected=None, reason="r", report={"rmse": float("nan"), "n": [1, None]})
    assert done.report == {"rmse": "nan", "n": [1, None]}


def test_asked_again_it_changes_nothing(settings, conn, models):
    name = models.new("2012-01-31", "2012-02-29")
    promote(settings, conn, name, "1", expected=None, reason="the first")
    done = promote(settings, conn, name, "2", expected="1", reason="better")
    assert promote(settings, conn, name, "2", expected="1", reason="better") == done
    assert len(history(conn, name)) == 2


def test_another_champion_than_the_one_compared_with_refuses(settings, conn, models):
    name = models.new("2012-01-31", "2012-02-29", "2012-03-31")
    promote(settings, conn, name, "1", expected=None, reason="the first")
    second = promote(settings, conn, name, "2", expected="1", reason="rmse 30, the champion's 40")
    with pytest.raises(ModelError) as refused:
        promote(settings, conn, name, "3", expected="1", reason="rmse 35, the champion's 40")
    assert str(refused.value) == (
        f"Version 3 of `{name}` was not promoted: the champion is version 2 now, and was version 1 when they were "
        "compared.\n"
        f"  looked: version 2, promoted {second.at:%Y-%m-%d %H:%M:%S} UTC: rmse 30, the champion's 40\n"
        "  left: version 2 serves; version 3 stays in the registry\n"
        f"  next: landfall train {name}    (or, without comparing: landfall promote {name} 3)"
    )
    assert champion_version(settings, name) == "2"
    assert not begun(conn, name)


@pytest.mark.parametrize("wanted", ["4", "x", "-1", "1.0"])
def test_an_unknown_version_is_refused_with_those_there_are(settings, conn, models, wanted):
    name = models.new("2012-01-31", "2012-02-29")
    with pytest.raises(ModelError) as refused:
        promote(settings, conn, name, wanted, expected=None, reason="r")
    near = " Did you mean `1`?" if wanted == "-1" else ""
    assert str(refused.value) == (
        f"There is no version of `{name}` `{wanted}`.{near}\n  looked: known: 1, 2\n  next: landfall models {name}"
    )
    assert history(conn, name) == []


def test_a_version_is_known_by_its_number_however_it_is_written(settings, conn, models):
    name = models.new("2012-01-31")
    assert promote(settings, conn, name, "01", expected=None, reason="r").version == "1"
    assert promote(settings, conn, name, " 1", expected="1", reason="r").version == "1"
    assert len(history(conn, name)) == 1


def test_a_model_that_nobody_registered_has_no_versions(settings, conn):
    with pytest.raises(ModelError) as refused:
        promote(settings, conn, "nobodys", "1", expected=None, reason="r")
    assert str(refused.value) == (
        "There is no version of `nobodys` `1`.\n  looked: known: none\n  next: landfall models nobodys"
    )
    seen = notice(settings, conn, "nobodys")
    assert (seen.version, seen.alias, seen.remark) == (None, None, "")


def test_an_alias_that_is_set_in_mlflow_itself_does_not_serve_and_is_shown(settings, conn, models):
    name = models.new("2012-01-31", "2012-02-29")
    first = promote(settings, conn, name, "1", expected=None, reason="r")
    models.set_in_mlflow(name, "2")
    remark = (
        f"MLflow calls version 2 of `{name}` the champion, which Landfall did not promote: it is not used, version 1 serves    "
        f"(to accept it: landfall promote {name} 2; to put the alias back: landfall promote {name} 1)"
    )
    seen = notice(settings, conn, name)
    assert (seen.version, seen.alias, seen.remark) == ("1", "2", remark)
    assert other_aliases(conn, [name, "another"]) == [remark]
    assert champion(settings, conn, name).version == "1"
    assert promote(settings, conn, name, "1", expected="1", reason="the alias is put back") == first
    assert (champion_version(settings, name), other_aliases(conn, [name])) == ("1", [])
    models.set_in_mlflow(name, "2")
    promote(settings, conn, name, "2", expected="1", reason="accepted")
    assert (champion(settings, conn, name).version, other_aliases(conn, [name])) == ("2", [])
    assert lines(conn, name) == [("promoted", "1", None), ("promoted", "2", "1")]


def test_an_alias_that_is_taken_away_in_mlflow_is_shown_and_the_version_goes_on_serving(settings, conn, models):
    name = models.new("2012-01-31")
    promote(settings, conn, name, "1", expected=None, reason="r")
    with registry(settings) as client:
        client.delete_registered_model_alias(name, "champion")
    assert champion(settings, conn, name).version == "1"
    assert other_aliases(conn, [name]) == [
        f"MLflow calls no version of `{name}` the champion any more; version 1 serves    (to put the alias back: landfall "
        f"promote {name} 1)"
    ]
    models.set_in_mlflow(name, "1")
    assert notice(settings, conn, name).remark == ""
    assert other_aliases(conn, [name]) == []


CRASH = """
import os, signal, sys
import psycopg
from landfall.freshness import promotions
from landfall.spec import S3, Settings

url, tracking, artifacts, name, where = sys.argv[1:]
def crash(*_):
    os.kill(os.getpid(), signal.SIGKILL)
setattr(promotions, where, crash)
settings = Settings(s3=S3(bucket="b"), database_url=url, mlflow_tracking_uri=tracking, mlflow_artifacts=artifacts,
                    spark_remote="", airflow_url="")
conn = psycopg.connect(url, autocommit=True)
promotions.promote(settings, conn, name, "2", expected="1", reason="rmse 30, the champion's 40", by_run="run 7")
"""


def crash(settings, name, where):
    """A process that promotes version 2 and is killed on entering the function `where`."""
    told = subprocess.run(
        [
            sys.executable,
            "-c",
            CRASH,
            settings.database_url,
            settings.mlflow_tracking_uri,
            settings.mlflow_artifacts,
            name,
            where,
        ],
        capture_output=True,
        text=True,
        check=False,
        timeout=600,
        env={**os.environ, "MLFLOW_DISABLE_TELEMETRY": "true"},
    )
    assert told.returncode == -signal.SIGKILL, told.stderr


def test_killed_between_alias_and_history_the_next_look_remembers_why(settings, conn, models):
    name = models.new("2012-01-31", "2012-02-29")
    first = promote(settings, conn, name, "1", expected=None, reason="the first")
    crash(settings, name, "_remember")
    assert champion_version(settings, name) == "2"
    assert lines(conn, name) == [("promoted", "1", None)]
    healed = notice(settings, conn, name).line
    assert (healed.kind, healed.version, healed.replaced) == ("promoted", "2", "1")
    assert (healed.reason, healed.by_run) == ("rmse 30, the champion's 40", "run 7")
    assert healed.at > first.at
    assert promote(settings, conn, name, "2", expected="1", reason="the retry") == healed
    assert not begun(conn, name)


def test_killed_before_the_alias_nothing_happened_and_the_retry_does_it(settings, conn, models):
    name = models.new("2012-01-31", "2012-02-29")
    promote(settings, conn, name, "1", expected=None, reason="the first")
    crash(settings, name, "set_champion")
    assert (champion_version(settings, name), begun(conn, name)) == ("1", True)
    assert notice(settings, conn, name).version == "1"
    assert not begun(conn, name)
    promote(settings, conn, name, "2", expected="1", reason="the retry")
    assert lines(conn, name) == [("promoted", "1", None), ("promoted", "2", "1")]
    assert history(conn, name)[0].reason == "the retry"


class Cable:
    """A way to the registry that can be cut: connections through it end, new ones are refused."""

    def __init__(self, host, port):
        self.there, self.sockets = (host, port), []
        self.door = socket.create_server(("127.0.0.1", 0))
        self.port = self.door.getsockname()[1]
        threading.Thread(target=self._accept, daemon=True).start()

    def _accept(self):
        with contextlib.suppress(OSError):
            while True:
                near = self.door.accept()[0]
                far = socket.create_connection(self.there)
                self.sockets += [near, far]
                for one, other in ((near, far), (far, near)):
                    threading.Thread(target=self._carry, args=(one, other), daemon=True).start()

    @staticmethod
    def _carry(one, other):
        with contextlib.suppress(OSError):
            while data := one.recv(65536):
                other.sendall(data)
        for each in (one, other):
            with contextlib.suppress(OSError):
                each.shutdown(socket.SHUT_RDWR)

    def cut(self):
        """As when the server is gone."""
        with contextlib.suppress(OSError):
            self.door.shutdown(socket.SHUT_RDWR)
        self.door.close()
        for each in self.sockets:
            with contextlib.suppress(OSError):
                each.shutdown(socket.SHUT_RDWR)


@pytest.fixture
def cable(settings):
    """A cable to the registry's server, and settings that lead through it."""
    info = psycopg.conninfo.conninfo_to_dict(settings.database_url)
    made = Cable(info["host"], int(str(info["port"])))
    uri = settings.mlflow_tracking_uri.replace(f":{info['port']}/", f":{made.port}/")
    yield made, replace(settings, mlflow_tracking_uri=uri)
    made.cut()


def test_a_registry_that_goes_away_before_the_alias_changes_nothing(settings, conn, models, cable):
    line, through = cable
    name = models.new("2012-01-31", "2012-02-29")
    promote(through, conn, name, "1", expected=None, reason="the first")
    line.cut()
    with pytest.raises(ModelError, match=r"^The model registry does not answer\."):
        promote(through, conn, name, "2", expected="1", reason="better")
    assert (champion_version(settings, name), lines(conn, name)) == ("1", [("promoted", "1", None)])


@pytest.mark.parametrize("arrived", [False, True])
def test_a_registry_that_goes_away_at_the_alias_leaves_no_half_promotion(
    settings, conn, models, cable, monkeypatch, arrived
):
    line, through = cable
    name = models.new("2012-01-31", "2012-02-29")
    promote(through, conn, name, "1", expected=None, reason="the first")
    original = set_champion

    def cut(asked, model, version):
        if arrived:
            original(asked, model, version)
        line.cut()
        original(asked, model, version)

    with monkeypatch.context() as patch:
        patch.setattr(promotions, "set_champion", cut)
        with pytest.raises(ModelError):
            promote(through, conn, name, "2", expected="1", reason="better", by_run="run 7")
    assert begun(conn, name)
    found = notice(settings, conn, name).line
    if arrived:
        assert (found.version, found.kind, found.reason, found.by_run) == ("2", "promoted", "better", "run 7")
    else:
        assert found.version == "1"
        found = promote(settings, conn, name, "2", expected="1", reason="better")
    assert champion_version(settings, name) == found.version == "2"
    assert lines(conn, name) == [("promoted", "1", None), ("promoted", "2", "1")]


def test_a_predictions_database_that_goes_away_after_the_alias_is_healed(
    settings, conn, connection, models, monkeypatch
):
    name = models.new("2012-01-31")
    mine, original = connection(), set_champion

    def lose(asked, model, version):
        original(asked, model, version)
        conn.execute("SELECT pg_terminate_backend(%s)", [mine.info.backend_pid])

    with monkeypatch.context() as patch:
        patch.setattr(promotions, "set_champion", lose)
        with pytest.raises(PublishingError) as failed:
            promote(settings, mine, name, "1", expected=None, reason="better")
    assert failed.value.what == f"That version 1 of `{name}` serves could not be written down."
    assert failed.value.left == "the connection was lost, so it may have happened or not; asking again is safe"
    assert promote(settings, conn, name, "1", expected=None, reason="the retry").reason == "better"


def test_a_lost_connection_is_seen_before_the_registry_is_written(settings, conn, connection, models, monkeypatch):
    """Whoever loses the connection has lost the lock: another promotion may be under way."""
    name = models.new("2012-01-31")
    mine, original = connection(), champion_version

    def lose(asked, model):
        found = original(asked, model)
        conn.execute("SELECT pg_terminate_backend(%s)", [mine.info.backend_pid])
        return found

    with monkeypatch.context() as patch:
        patch.setattr(promotions, "champion_version", lose)
        with pytest.raises(PublishingError):
            promote(settings, mine, name, "1", expected=None, reason="better")
    assert champion_version(settings, name) is None


def test_of_two_trainings_at_once_one_is_promoted_and_the_other_says_so(settings, conn, connection, models):
    name = models.new(*[f"2012-02-{day:02}" for day in range(1, 9)])
    promote(settings, conn, name, "1", expected=None, reason="the first")
    start = threading.Barrier(7)

    def train(number):
        mine = connection()
        start.wait()
        try:
            return promote(settings, mine, name, number, expected="1", reason=f"trained {number}").version
        except ModelError as error:
            return error.what

    with ThreadPoolExecutor(7) as pool:
        told = list(pool.map(train, map(str, range(2, 9))))
    winner = champion_version(settings, name)
    assert told.count(winner) == 1
    assert sorted(each for each in told if each != winner) == sorted(
        f"Version {number} of `{name}` was not promoted: the champion is version {winner} now, and was version 1 when "
        "they were compared."
        for number in map(str, range(2, 9))
        if number != winner
    )
    assert lines(conn, name) == [("promoted", "1", None), ("promoted", winner, "1")]


def test_while_it_waits_for_another_it_holds_no_snapshot(settings, conn, connection, models):
    """A publish waits for every older snapshot: a promotion that queued would hold it up."""
    name = models.new("2012-01-31")
    holder, mine = connection(), connection()
    with promotions.alone(holder, name, "nothing", 1):
        with ThreadPoolExecutor(1) as pool:
            asked = pool.submit(promote, settings, mine, name, "1", expected=None, reason="r", patience=2)
            seen = set()
            while not asked.done():
                query = "SELECT state, backend_xmin IS NOT NULL FROM pg_stat_activity WHERE pid = %s"
                seen.add(conn.execute(query, [mine.info.backend_pid]).fetchone())
        with pytest.raises(PublishingError) as failed:
            asked.result()
    assert str(failed.value) == (
        f"Version 1 of `{name}` was not promoted.\n"
        f"  looked: waited 2 s for another promotion of the same model, pid {holder.info.backend_pid} of `{holder.info.user}`\n"
        "  left: the champion stays as it was\n"
        "  next: let those sessions end (or pg_terminate_backend), then run the task again"
    )
    assert ("idle", False) in seen
    assert ("idle in transaction", True) not in seen
    assert champion_version(settings, name) is None


steps = st.sampled_from(
    ["promote", "promote from an old look", "set in MLflow", "notice", "killed before", "killed after"]
)


@tuned(max_examples=12, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(script=st.lists(st.lists(st.tuples(steps, st.integers(1, 4)), min_size=1, max_size=5), min_size=2, max_size=3))
def test_whatever_happens_at_once_the_history_is_a_chain_of_promotions(settings, connection, conn, models, script):
    name = models.new("2012-01-31", "2012-02-01", "2012-02-02", "2012-02-03")

    def act(mine, step, number):
        if step == "set in MLflow":
            with contextlib.suppress(ModelError):  # MLflow refuses one of two that set the first alias at once
                models.set_in_mlflow(name, number)
        elif step == "notice":
            notice(settings, mine, name)
        elif step.startswith("killed"):
            with promotions.alone(mine, name, "killed", 60):
                line = current(mine, name)
                serving = line.version if line else None
                mine.execute(
                    "INSERT INTO landfall.promotions_begun (model, version, replaced, kind, reason, by_run)"
                    " VALUES (%s, %s, %s, 'promoted', 'killed', '') ON CONFLICT (model) DO UPDATE"
                    " SET version = excluded.version, replaced = excluded.replaced, at = clock_timestamp()",
                    [name, number, serving],
                )
                if step == "killed after":
                    with contextlib.suppress(ModelError):
                        models.set_in_mlflow(name, number)
        else:
            line = current(mine, name)
            expected = "1" if step == "promote from an old look" else line.version if line else None
            with contextlib.suppress(ModelError):
                promote(settings, mine, name, number, expected=expected, reason=step)

    def play(one):
        with contextlib.closing(connection()) as mine:
            for step, number in one:
                act(mine, step, str(number))

    with ThreadPoolExecutor(len(script)) as pool:
        list(pool.map(play, script))
    last = notice(settings, conn, name)
    told = lines(conn, name)
    assert last.version == (told[-1][1] if told else None)
    assert {kind for kind, _, _ in told} <= {"promoted"}
    assert other_aliases(conn, [name]) == ([last.remark] if last.remark else [])
    if last.version:
        promote(settings, conn, name, last.version, expected=last.version, reason="the alias is put back")
        assert champion_version(settings, name) == last.version
        assert lines(conn, name) == told
        assert other_aliases(conn, [name]) == []
    assert [replaced for _, _, replaced in told] == [None, *(version for _, version, _ in told)][: len(told)]
    assert all(version != replaced for _, version, replaced in told)
    times = [each.at for each in reversed(history(conn, name))]
    assert times == sorted(times)
    assert not begun(conn, name)


def test_a_connection_inside_a_transaction_is_refused(settings, conn, models):
    name = models.new("2012-01-31")
    with conn.transaction(), pytest.raises(LandfallError, match=r"^Publishing needs a connection of its own\."):
        promote(settings, conn, name, "1", expected=None, reason="r")
    assert fetch_one(conn, psycopg.sql.SQL("SELECT 1")) == (1,)
