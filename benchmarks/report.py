"""What every benchmark's result table begins with: the machine, the versions, the day."""

import os
import platform
import statistics
from collections.abc import Sequence
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path

import psutil

RESULTS = Path(__file__).parent / "results"


def machine() -> str:
    """One line: cores, memory, load when asked, kernel, Python, Airflow, Spark."""
    memory = psutil.virtual_memory().total / 2**30
    return (
        f"{os.cpu_count()} cores, {memory:.0f} GiB, {platform.system()} {platform.machine()}, Python "
        f"{platform.python_version()}, Airflow {version('apache-airflow')}, Spark {version('pyspark')}, "
        f"load {os.getloadavg()[0]:.1f} at the end, {datetime.now(UTC):%Y-%m-%d}"
    )


def quantile(values: Sequence[float], share: float) -> float:
    """The value that `share` of the sorted values do not exceed (nearest rank)."""
    ordered = sorted(values)
    return ordered[min(len(ordered) - 1, max(0, round(share * len(ordered) + 0.5) - 1))]


def spread(values: Sequence[float]) -> str:
    """Median (smallest to largest)."""
    return f"{statistics.median(values):.2f} ({min(values):.2f} to {max(values):.2f})"


def write(name: str, title: str, lines: Sequence[str]) -> None:
    """Print the table and keep it as results/NAME.md."""
    text = "\n".join([f"# {title}", "", f"Machine: {machine()}.", "", *lines, ""])
    RESULTS.mkdir(exist_ok=True)
    (RESULTS / f"{name}.md").write_text(text)
    print(text)
