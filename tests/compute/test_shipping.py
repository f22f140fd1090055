"""The zip that a cluster runs: the same bytes from the same sources, and all that a job imports."""

import subprocess
import sys
import zipfile
from pathlib import Path

from landfall.compute.shipping import door, jobs_zip


def test_the_same_sources_make_the_same_zip_once(tmp_path: Path) -> None:
    one, two = jobs_zip(tmp_path / "a"), jobs_zip(tmp_path / "b")
    assert one.name == two.name
    assert one.read_bytes() == two.read_bytes()
    made = one.stat().st_mtime_ns
    assert jobs_zip(tmp_path / "a").stat().st_mtime_ns == made
    assert [file.name for file in (tmp_path / "a").iterdir()] == [one.name]


def test_the_zip_holds_what_a_job_imports_and_nothing_of_airflow_is_needed(tmp_path: Path) -> None:
    shipped = jobs_zip(tmp_path)
    names = zipfile.ZipFile(shipped).namelist()
    assert {"spark_jobs/__main__.py", "spark_jobs/etl/bike_features.py", "landfall/errors.py"} <= set(names)
    assert not [name for name in names if not name.endswith(".py")]
    program = f"""
import sys
sys.meta_path[:] = [finder for finder in sys.meta_path if "editable" not in repr(finder)]
sys.path[:] = [{str(shipped)!r}, *(path for path in sys.path if "python3" in path)]
import spark_jobs.__main__ as door
assert door.__file__.startswith({str(shipped)!r}), door.__file__
assert not [name for name in sys.modules if name.startswith("airflow")]
"""
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, cwd=tmp_path, check=False)
    assert done.returncode == 0, done.stderr


def test_the_door_is_the_file_that_a_cluster_starts() -> None:
    assert door().name == "__main__.py"
    assert "def main(" in door().read_text(encoding="utf-8")
