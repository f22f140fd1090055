"""What the command line imports: for a list of its commands nothing of theirs, for a lookup the database and no more."""

import json
import subprocess
import sys
from pathlib import Path

import pytest
from typer.main import get_group
from typer.testing import CliRunner

from landfall.cli import app

CLI = Path(app.__file__).parent
RUN = """
import json, sys
from landfall.cli import main
try:
    main()
except SystemExit:
    pass
print(json.dumps(sorted(sys.modules)))
"""
COMPUTES = {
    "airflow", "altair", "apprise", "boto3", "jinja2", "matplotlib", "mlflow", "numpy", "pandas", "pyarrow", "pyspark", "sklearn",
    "vl_convert",
}  # fmt: skip
REQUIRED = COMPUTES | {
    "aiobotocore", "botocore", "cryptography", "httpx", "psutil", "psycopg", "psycopg2", "pydantic", "rich", "sqlalchemy",
    "tenacity", "typer", "yaml",
}  # fmt: skip
"""What Landfall's own files import, by module; what these import in their turn is theirs."""


def imported(*words: str, **variables: str) -> tuple[set[str], set[str]]:
    """What `landfall WORDS` imports: modules of ours, and what they require."""
    done = subprocess.run(
        [sys.executable, "-I", "-c", RUN, *words], capture_output=True, text=True, check=True, env=variables
    )
    modules = set(json.loads(done.stdout.splitlines()[-1]))
    return {name for name in modules if name.startswith("landfall.")}, modules & REQUIRED


def test_the_help_imports_no_command() -> None:
    assert imported("--help") == ({"landfall.cli", "landfall.cli.app"}, {"typer", "rich"})


@pytest.mark.parametrize("words", [("--help",), ("city=Washington", "state=D.C.", "time=2012-12-25", "--json")])
def test_a_lookup_imports_the_database_alone(words: tuple[str, ...], tmp_path: Path) -> None:
    nowhere = "postgresql://me:secret@127.0.0.1:1/landfall"
    where = {"LANDFALL_HOME": str(tmp_path), "LANDFALL_DATABASE_URL": nowhere, "MLFLOW_TRACKING_URI": nowhere}
    ours, required = imported("lookup", "bike_demand", *words, **where)

    assert {name for name in ours if name.startswith("landfall.cli.")} == {
        "landfall.cli.app", "landfall.cli.output", "landfall.cli.predictions",
    }  # fmt: skip
    assert {name.split(".")[1] for name in ours} == {
        "cli", "database", "errors", "pipelines", "publishing", "spec", "stack",
    }  # fmt: skip
    assert required == {"psycopg", "rich", "typer"}


def test_no_command_loads_what_computes_before_it_runs() -> None:
    code = "import sys; from landfall.cli.app import build; build(); print(*sys.modules)"
    done = subprocess.run([sys.executable, "-I", "-c", code], capture_output=True, text=True, check=True)

    assert not COMPUTES & set(done.stdout.split())


def test_each_file_has_the_commands_that_are_listed_for_it() -> None:
    registering = {path.stem for path in CLI.glob("*.py") if "\ndef register(" in path.read_text(encoding="utf-8")}
    has = {file: list(get_group(app.build([file])).commands) for file in registering}

    assert has == {file: list(commands) for file, commands in app.COMMANDS.items()}


def test_the_list_names_every_command_and_the_nearest_to_a_wrong_one() -> None:
    helped = CliRunner().invoke(app.listing(), ["--help"])
    wrong = CliRunner().invoke(app.listing(), ["lokup"])

    assert {line.split()[1] for line in helped.stdout.splitlines() if line.startswith("│ ")} >= {
        name for commands in app.COMMANDS.values() for name in commands
    }
    assert wrong.exit_code == 2
    assert "No such command 'lokup'. Did you mean 'lookup'?" in wrong.output
