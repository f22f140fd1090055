"""`landfall psql`: the client that the stack brings along, in the predictions or in a source database."""

import os
from typing import Any

import pytest

from landfall.cli import psql


@pytest.mark.stack
def test_it_opens_the_predictions_as_their_reader_or_a_source_as_its_owner(stack: Any, landfall: Any) -> None:
    ask = ("-At", "-c", "SELECT current_user, current_database()")
    assert landfall("psql", "predictions", *ask).stdout == "landfall_reader|landfall\n"
    assert landfall("psql", "flowers", *ask).stdout == "flowers|flowers\n"
    assert landfall("psql", "predictions", "-c", "SELECT x").returncode == 1, "what psql ends with is what it ends with"
    unknown = landfall("psql", "flower")
    assert unknown.returncode == 1
    assert "There is no database `flower`. Did you mean `flowers`?" in unknown.stderr


def test_no_password_is_an_argument(monkeypatch: pytest.MonkeyPatch) -> None:
    started: list[Any] = []
    monkeypatch.setattr(os, "execvpe", lambda *given: started.append(given))
    psql.open_psql("postgresql://one:secret@127.0.0.1:5433/d?sslmode=disable", ["-c", "SELECT 1"])
    [(program, arguments, env)] = started
    assert arguments == [program, "-c", "SELECT 1"]
    assert {name: env[name] for name in ("PGUSER", "PGPASSWORD", "PGHOST", "PGPORT", "PGDATABASE", "PGSSLMODE")} == {
        "PGUSER": "one", "PGPASSWORD": "secret", "PGHOST": "127.0.0.1", "PGPORT": "5433", "PGDATABASE": "d",
        "PGSSLMODE": "disable",
    }  # fmt: skip
