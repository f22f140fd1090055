"""No server holds a declaration: every task is forked from one, and would go on with what the server had imported."""

import ast
import json
import os
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
SERVERS = {
    "any server, with its plugins": "from airflow.plugins_manager import _get_plugins; _get_plugins()",
    "the scheduler, and so every task": "from landfall.stack.airflow import HEAVY, preload; preload(HEAVY)",
    "the triggerer": "from landfall.orchestration.airflow_patches.lean_triggerer import prepare; assert prepare()",
}
"""Server -> what it imports before it forks. One process imports all of it, one after the other."""
ASK = "print(sorted(name for name in sys.modules if name.startswith('landfall.')), flush=True)"


def test_what_the_servers_import_before_they_fork_holds_no_declaration(tmp_path: Path) -> None:
    ours = ("AIRFLOW", "LANDFALL_", "AWS_", "MLFLOW_")
    env = {name: value for name, value in os.environ.items() if not name.startswith(ours)}
    env |= {
        "AIRFLOW_HOME": str(tmp_path),
        "AIRFLOW__CORE__LOAD_EXAMPLES": "False",
        "AIRFLOW__DATABASE__SQL_ALCHEMY_CONN": f"sqlite:///{tmp_path}/airflow.db",
    }
    code = "\n".join(["import sys", *(line for each in SERVERS.values() for line in (each, ASK))])
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=False, env=env, cwd=tmp_path
    )
    assert done.returncode == 0, done.stderr[-3000:]

    answers = [ast.literal_eval(line) for line in done.stdout.splitlines() if line.startswith("['landfall")]
    assert len(answers) == len(SERVERS)
    for server, loaded in zip(SERVERS, answers, strict=True):
        assert "landfall.orchestration.timetable" in loaded, server  # the plugin was there
        assert [name for name in loaded if name.startswith("landfall.pipelines.")] == [], server


def test_a_task_sees_the_declarations_as_they_are_on_disk(tmp_path: Path) -> None:
    """What is forked after an edit is what a task is: it asks first, and its server never did."""
    for package in ("include/landfall", "spark_jobs"):
        (tmp_path / package).parent.mkdir(parents=True, exist_ok=True)
        subprocess.run(["cp", "-r", ROOT / package, tmp_path / package], check=True)
    code = """
import os, sys
from pathlib import Path
from landfall.stack.airflow import HEAVY, preload
preload(HEAVY)
from landfall.pipelines import find_feed
file = Path("include/landfall/pipelines/bike_demand.py")
file.write_text(file.read_text().replace('name="hum", type="double", minimum=0', 'name="hum", type="double", minimum=0.125'))
if not (task := os.fork()):
    print(find_feed("bike_demand/forecast").contract.to_json(), flush=True)
    os._exit(0)
os.waitpid(task, 0)
"""
    env = {**os.environ, "PYTHONPATH": f"{tmp_path}/include:{tmp_path}", "AIRFLOW_HOME": str(tmp_path / "airflow")}
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=False, env=env, cwd=tmp_path
    )
    assert done.returncode == 0, done.stderr[-3000:]

    columns = {each["name"]: each for each in json.loads(done.stdout.splitlines()[-1])["columns"]}
    assert columns["hum"]["minimum"] == 0.125
