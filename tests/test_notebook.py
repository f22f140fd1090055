"""SQL cells in an IPython shell, on a real PostgreSQL."""

import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import psycopg
import pytest

from landfall.errors import ModelError
from landfall.stack import envfile


@pytest.fixture
def own_environment() -> Iterator[None]:
    """What the extension sets is taken back."""
    before = dict(os.environ)
    yield
    os.environ.clear()
    os.environ.update(before)


@pytest.fixture
def no_stack(own_environment: None, tmp_path: Path) -> Path:
    """A home without a stack."""
    for name in [name for name in os.environ if name.startswith(("LANDFALL_", "AWS_", "MLFLOW_"))]:
        del os.environ[name]
    os.environ["LANDFALL_HOME"] = str(tmp_path)
    return tmp_path


def start_shell() -> Any:
    """A shell with the extension, whose errors are kept in `shell.told`."""
    from IPython.core.interactiveshell import InteractiveShell

    shell: Any = InteractiveShell()
    shell.told = []
    shell._showtraceback = lambda kind, error, lines: shell.told.extend(lines)
    shell.run_cell("%load_ext landfall.notebook")
    return shell


@pytest.fixture
def shell(no_stack: Path, database_url: str) -> Any:
    os.environ |= {"LANDFALL_DATABASE_URL": database_url, "MLFLOW_TRACKING_URI": "postgresql://unused"}
    return start_shell()


def test_rows_are_a_data_frame(shell):
    frame = shell.run_cell("%sql SELECT 1 AS one, 0.5::float8 AS half, 'a{b}$c' AS text").result

    assert frame.to_dict("records") == [{"one": 1, "half": 0.5, "text": "a{b}$c"}]
    assert [str(kind) for kind in frame.dtypes] == ["int64", "float64", "object"]


def test_whole_numbers_stay_so_beside_a_null(shell):
    frame = shell.run_cell("%%sql\nSELECT * FROM (VALUES (1, 'a'), (NULL, 'b')) AS v (number, letter)").result

    assert frame.to_dict("list") == {"number": [1, None], "letter": ["a", "b"]}


def test_a_variable_keeps_the_rows(shell):
    shell.run_cell("kept = %sql SELECT 7 AS seven")

    assert shell.user_ns["kept"]["seven"].tolist() == [7]


def test_a_statement_without_rows_says_what_it_did(shell, capsys):
    done = shell.run_cell(
        "%%sql\nCREATE TEMP TABLE t (x int); INSERT INTO t VALUES (1), (2); SELECT sum(x) AS sum FROM t"
    )

    assert capsys.readouterr().out.startswith("CREATE TABLE\nINSERT 0 2\n")
    assert done.result["sum"].tolist() == [3]


def test_a_cell_is_one_transaction(shell, database_url):
    shell.run_cell("%sql CREATE TABLE IF NOT EXISTS kept_whole (x int)")
    shell.run_cell("%%sql\nINSERT INTO kept_whole VALUES (1); SELECT 1 / 0")

    with psycopg.connect(database_url) as conn:
        assert conn.execute("SELECT count(*) FROM kept_whole").fetchone() == (0,)


def test_an_error_is_its_text_without_a_stack_trace(shell):
    done = shell.run_cell("%sql SELECT nothing")

    assert not done.success
    assert shell.told == [
        'PublishingError: The statement failed: column "nothing" does not exist\n  looked: at character 8'
    ]


def test_so_is_an_error_of_landfall_in_any_cell(shell):
    shell.user_ns["error"] = ModelError("It failed.", next="landfall ps")
    shell.run_cell("raise error")

    assert shell.told == ["ModelError: It failed.\n  next: landfall ps"]


def test_without_a_stack_it_says_how_to_start_one(no_stack):
    (told,) = start_shell().told

    assert told.startswith("SettingsError: The setting `LANDFALL_DATABASE_URL` is missing.")
    assert "next: landfall up" in told


WRITTEN = {
    "LANDFALL_DATABASE_URL": "postgresql://a",
    "MLFLOW_TRACKING_URI": "postgresql://b",
    "MLFLOW_S3_ENDPOINT_URL": "http://s3",
    "AWS_ACCESS_KEY_ID": "ours",
    "LANDFALL_S3_ENDPOINT": "http://s3",
    "AIRFLOW__CORE__FERNET_KEY": "secret",
}


def test_mlflow_finds_the_stack(no_stack):
    envfile.write(no_stack / "env", WRITTEN)
    os.environ |= {"AWS_ACCESS_KEY_ID": "theirs", "MLFLOW_TRACKING_URI": "postgresql://theirs"}
    start_shell()

    assert os.environ["MLFLOW_S3_ENDPOINT_URL"] == "http://s3"
    assert os.environ["AWS_ACCESS_KEY_ID"] == "ours", "theirs would be sent to a server that is not theirs"
    assert os.environ["MLFLOW_TRACKING_URI"] == "postgresql://theirs", "what is set wins, as everywhere"
    assert not [name for name in os.environ if name.startswith("AIRFLOW__CORE__FERNET")]


def test_a_bucket_that_the_environment_names_is_left_to_it(no_stack):
    envfile.write(no_stack / "env", WRITTEN)
    os.environ |= {"LANDFALL_S3_ENDPOINT": "http://theirs", "AWS_ACCESS_KEY_ID": "theirs"}
    start_shell()

    assert os.environ["AWS_ACCESS_KEY_ID"] == "theirs"
    assert "MLFLOW_S3_ENDPOINT_URL" not in os.environ
