"""`landfall keys`: made once, listed without the key, revoked; and what is refused before anything is made."""

import json
from typing import Any

import pytest
from psycopg.conninfo import conninfo_to_dict
from typer.testing import CliRunner

from landfall.cli.app import build


@pytest.fixture
def run(emptied: Any, database_url: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Any) -> Any:
    parts = conninfo_to_dict(database_url)
    monkeypatch.setenv("LANDFALL_HOME", str(tmp_path))
    monkeypatch.setenv("LANDFALL_DATABASE_URL", database_url)
    monkeypatch.setenv("MLFLOW_TRACKING_URI", f"postgresql://{parts['host']}/none")
    return lambda *words: CliRunner().invoke(build(["keys"]), ["keys", *words])


def test_a_key_is_shown_once_and_its_life_is_listed(run: Any) -> None:
    made = run("create", "app", "--table", "bike_demand", "--table", "bike_demand/errors", "--expires", "90d", "--json")
    assert made.exit_code == 0, made.output
    key = json.loads(made.stdout)
    assert key["key"].startswith("lf_")
    assert key["tables"] == ["bike_demand", "bike_demand/errors"]

    listed = run("list", "--json")
    assert key["key"] not in listed.stdout
    [line] = json.loads(listed.stdout)
    assert (line["name"], line["state"], line["begins"]) == ("app", "live", key["key"][:8])

    assert run("revoke", "app").exit_code == 0
    assert "revoked" in run("list").stdout
    again = run("revoke", "app")
    assert again.exit_code == 1
    assert "There is no live key `app`." in again.output


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("app",), "say which tables the key may read"),
        (("app", "--all", "--table", "bike_demand"), "say which tables the key may read"),
        (("app", "--table", "bike_demandd"), "There is no table `bike_demandd`. Did you mean `bike_demand`?"),
        (("app", "--all", "--expires", "yesterday"), "`yesterday` is not a time."),
        (("app", "--all", "--expires", "2012-12-25"), "A key cannot end at 2012-12-25."),
        (("my app", "--all"), "A key cannot be called 'my app'."),
    ],
)
def test_a_malformed_key_is_not_made(run: Any, words: tuple[str, ...], said: str) -> None:
    refused = run("create", *words)
    assert refused.exit_code != 0
    assert said in " ".join(refused.output.replace("│", " ").split())
    assert "no key yet" in run("list").stdout
