"""Jars are held against the digests that are written down, when they are fetched and at each start."""

import json
import shutil
import subprocess
from pathlib import Path

import pytest

from landfall.errors import StackError
from landfall.stack import bill, jar_lock, jars
from landfall.stack.java import Java

JAVA = Java(home=Path("/nowhere"), version=21, source="none")


@pytest.fixture
def kept(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder of the S3 server's jars, as if fetched, with the digests of its files."""
    folder = jars.S3.folder(tmp_path)
    folder.mkdir(parents=True)
    for name in ("a-1.jar", "b-2.jar"):
        (folder / name).write_text(name)
    lock = tmp_path / "jars.json"
    lock.write_text(json.dumps({"s3proxy": jar_lock.digests(folder)}))
    monkeypatch.setattr(jar_lock, "FILE", lock)
    return folder


def test_jars_as_written_down_are_used(kept: Path, tmp_path: Path) -> None:
    assert jars.fetch(jars.S3, tmp_path, JAVA) == kept


def test_a_jar_that_was_changed_since_it_was_fetched_is_not_run(kept: Path, tmp_path: Path) -> None:
    good = jar_lock.digests(kept)
    (kept / "a-1.jar").write_text("something else")
    (kept / "c-3.jar").write_text("one more")
    (kept / "b-2.jar").unlink()
    found = jar_lock.digests(kept)
    with pytest.raises(StackError) as refused:
        jars.fetch(jars.S3, tmp_path, JAVA)

    assert str(refused.value) == (
        "The jars of `s3proxy` are not those that Landfall was made with: 3 differ.\n"
        f"  looked: {kept}, against jars.json:\n"
        f"    a-1.jar: SHA-256 {found['a-1.jar'][:16]}..., expected SHA-256 {good['a-1.jar'][:16]}...\n"
        f"    b-2.jar: no such jar, expected SHA-256 {good['b-2.jar'][:16]}...\n"
        f"    c-3.jar: SHA-256 {found['c-3.jar'][:16]}..., expected no such jar\n"
        "  left: the jars are as they were found\n"
        f"  next: rm -r {kept} && landfall up"
    )
    assert jar_lock.digests(kept) == found


def test_a_jar_that_comes_as_another_is_not_kept(kept: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    shutil.rmtree(kept)

    def fetched(jar_set: jars.JarSet, temporary: Path, cache: Path, java: Java) -> None:
        (temporary / "jars").mkdir()
        (temporary / "jars" / "a-1.jar").write_text("of somebody else")

    monkeypatch.setattr(jars, "_retrieve", fetched)
    with pytest.raises(StackError) as refused:
        jars.fetch(jars.S3, tmp_path, JAVA)

    assert refused.value.what == "The jars of `s3proxy` are not those that Landfall was made with: 2 differ."
    assert refused.value.left == "nothing that was fetched is kept"
    assert not kept.exists()
    assert [each.name for each in tmp_path.iterdir() if each.name.startswith(".s3proxy")] == []


@pytest.mark.parametrize("beside_spark", [True, False])
def test_only_what_runs_beside_spark_leaves_out_what_spark_has(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, beside_spark: bool
) -> None:
    (tmp_path / "spark" / "jars").mkdir(parents=True)
    (tmp_path / "spark" / "jars" / "common-1.0.jar").touch()
    cache = tmp_path / "cache"
    cache.mkdir()
    one = jars.JarSet(name="one", jars=("g:own:2.0",), transitive=True, beside_spark=beside_spark)

    def ivy(command: list[str], *, cwd: Path, **how: object) -> "subprocess.CompletedProcess[str]":
        (cwd / "jars").mkdir()
        for name in ("own-2.0.jar", "common-2.0.jar"):
            (cwd / "jars" / name).touch()
        return subprocess.CompletedProcess(command, 0, "", "")

    monkeypatch.setattr(jars, "pyspark_home", lambda: tmp_path / "spark")
    monkeypatch.setattr(subprocess, "run", ivy)

    left = {jar.name for jar in jars.retrieve(one, cache, JAVA).iterdir()}

    assert left == ({"own-2.0.jar"} if beside_spark else {"own-2.0.jar", "common-2.0.jar"})


def test_kafka_has_all_that_it_needs_and_spark_nothing_twice() -> None:
    known = json.loads(jar_lock.FILE.read_text(encoding="utf-8"))

    assert [one.name for one in jars.ALL if one.beside_spark] == ["spark"]
    assert {"kafka_2.13-4.3.1.jar", "scala-library-2.13.18.jar", "slf4j-api-1.7.36.jar"} <= set(known["kafka"])
    assert [jar for jar in known["spark"] if jar.startswith(("scala-library", "slf4j-api"))] == []


def test_every_jar_that_is_named_is_written_down() -> None:
    known = json.loads(jar_lock.FILE.read_text(encoding="utf-8"))

    for jar_set in jars.ALL:
        assert {"{1}-{2}.jar".format(*jar.split(":")) for jar in jar_set.jars} <= set(known[jar_set.name])


def test_the_bill_names_every_jar_with_its_digest() -> None:
    known = json.loads(jar_lock.FILE.read_text(encoding="utf-8"))
    listed = {each["bom-ref"]: each for each in bill.components()}

    assert {f"{name}/{file}": digest for name, files in known.items() for file, digest in files.items()} == {
        ref: each["hashes"][0]["content"] for ref, each in listed.items()
    }
    delta = listed["spark/delta-spark_4.0_2.13-4.1.0.jar"]
    assert delta["purl"] == "pkg:maven/io.delta/delta-spark_4.0_2.13@4.1.0"
