"""What Landfall changes in Airflow's scheduler and triggerer, on the newest Airflow that the registry has, betas included.

The tests of those changes run once more, on that Airflow's sources, before anybody upgrades to it. Where the registry is out
of reach this is skipped; in CI it fails.
"""

import os
import re
import subprocess
import sys
from importlib.metadata import version
from pathlib import Path

import pytest

CORE, SDK = "apache-airflow-core", "apache-airflow-task-sdk"
HERE = Path(__file__).parent
CHANGES = [HERE / f"test_{name}.py" for name in ("ahead", "dags_test", "lean_triggerer", "new_try")]


def fetch(folder: Path, *packages: str, betas: bool) -> None:
    """Unpacks packages, without what they require, into `folder`."""
    words = ["pip", "install", "--quiet", "--target", str(folder), "--no-deps"]
    words += ["--prerelease", "allow" if betas else "disallow", *packages]
    done = subprocess.run(
        [Path(sys.executable).with_name("uv"), *words], capture_output=True, text=True, check=False, timeout=240
    )
    if done.returncode:
        unreachable = f"{packages} cannot be fetched: {done.stderr}"
        if os.environ.get("CI", "").lower() in ("1", "true"):
            pytest.fail(unreachable)
        pytest.skip(unreachable)


@pytest.mark.stack  # no server of ours, but the registry, and half a minute
@pytest.mark.parametrize("betas", [False, True], ids=["release", "beta"])
def test_what_is_changed_in_airflow_is_there_in_the_newest_one_too(betas: bool, tmp_path: Path) -> None:
    fetch(tmp_path, CORE, betas=betas)
    [about] = tmp_path.glob("apache_airflow_core-*.dist-info/METADATA")
    newest = str(re.search(r"^Version: (.+)$", about.read_text(), re.MULTILINE)[1])  # type: ignore[index]
    if newest == version(CORE):
        return  # the one that is installed: the tests themselves are run on it
    sdk = re.search(rf"^Requires-Dist: {SDK}\s*(\S+?)(?:;.*)?$", about.read_text(), re.MULTILINE)[1]  # type: ignore[index]
    fetch(tmp_path, f"{SDK}{sdk}", betas=True)
    env = {
        **os.environ,
        "PYTHONPATH": str(tmp_path),
        "AIRFLOW_HOME": str(tmp_path / "home"),
        "PYTHONWARNINGS": "ignore",
    }
    named = subprocess.run(
        [sys.executable, "-c", "import airflow; print(airflow.__version__)"],
        capture_output=True, text=True, check=True, env=env, timeout=120,
    )  # fmt: skip
    assert named.stdout.split()[-1] == newest
    done = subprocess.run(
        [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "-m", "not stack", *map(str, CHANGES)],
        capture_output=True, text=True, check=False, env=env, timeout=280, cwd=HERE.parents[1],
    )  # fmt: skip
    assert done.returncode == 0, f"Airflow {newest}: {done.stdout[-5000:]}{done.stderr[-2000:]}"
