"""The table of the two sides, whether the aims are met, and what to know about the figures."""

from dataclasses import dataclass, field

from report import quantile, write

NOTES = [
    "Both sides were measured in one run of the script, one after the other, each in a triggerer of its own, on a machine",
    "that others may have used too: the load is told above. The provider's waits are not the most that fit: they are what",
    "starts in workers in minutes. Both have what `orchestration.airflow_patches.lean_triggerer` does for every trigger.",
    "",
    "Where a wait's memory is, measured in a supervisor and a runner without a database, 10,000 waits: 6.5 kB, of which 1.3 in",
    "the supervisor (the task as JSON, the name of its log) and 5.2 in the runner (Airflow's coroutine, its log context and",
    "asyncio's task; 1.5 kB of ours). Before, it was 25 kB: a greenlet of 6 kB, a log file that stayed open, 3 kB, and the task",
    "as a value, 1.5 kB, a span that nobody recorded, 2 kB, settings and coroutines of ours that are now shared or gone, 2 kB,",
    "and the heap around DAGs that lay about until a garbage collection. What a runner needs with its first wait is now imported",
    "before the triggerer forks, and not copied by its collector: 25 MB with the first wait instead of 88, for 23 to 43 MB more",
    "in an idle triggerer.",
    "",
    "What blocked the loop: full garbage collections (0.25 s of CPU with 4,000 waits; what waits is set aside now), and log",
    "lines while the socket to the supervisor was full (3.6 s seen; our own now come 20 a second).",
    "",
    "The task after the wait is started by Airflow's scheduler, which visits 20 running runs a turn: with 10,000 running runs",
    "that takes a minute. A higher `AIRFLOW__SCHEDULER__MAX_DAGRUNS_PER_LOOP_TO_SCHEDULE` should help; it has not been tried.",
    "",
    "Made by `python benchmarks/ten_thousand_waits.py`.",
]
"""What to know about the figures committed in results/."""


@dataclass
class Result:
    """What was seen of one side."""

    waits: int
    idle: float = 0.0
    """Bytes of a triggerer without waits."""
    first: float = 0.0
    """Bytes over idle with one wait."""
    memory: float = 0.0
    """Bytes over idle with all waits."""
    requests: float = 0.0
    """A minute."""
    cpu: float = 0.0
    """Of one core."""
    lags: list[float] = field(default_factory=list)
    """Seconds, those over 10 ms, in the watched minute and during the landings."""
    starting_lags: list[float] = field(default_factory=list)
    landings: list[float] = field(default_factory=list)
    """Seconds."""
    taken_up: float = 0.0
    """Seconds until all waits were waiting again in a new triggerer."""


def column(name: str, result: Result) -> dict[str, str]:
    """One side of the table."""
    lags, each = result.lags or [0.0], (result.memory - result.first) / result.waits / 1000
    return {
        "": name,
        "waits at once": f"{result.waits:,}",
        "S3 requests a minute": f"{result.requests:,.0f}",
        "memory without waits, MB": f"{result.idle / 1e6:.0f}",
        "memory with the first wait, MB over idle": f"{result.first / 1e6:.0f}",
        "memory with all waits, MB over idle": f"{result.memory / 1e6:.0f}",
        "of that, for each further wait, kB": f"{each:.1f}",
        "CPU while nothing lands, of one core": f"{result.cpu:.0%}",
        "lag over 10 ms: how often in the watched minutes": f"{len(result.lags)}",
        "lag: median of those, largest, ms": f"{quantile(lags, 0.5) * 1000:.0f}, {max(lags) * 1000:.0f}",
        "largest lag while the waits came, ms": f"{max(result.starting_lags or [0.0]) * 1000:.0f}",
        "PUT to end of task, p50, s": f"{quantile(result.landings or [0.0], 0.5):.2f}",
        "PUT to end of task, p99, s": f"{quantile(result.landings or [0.0], 0.99):.2f}",
        "landings": f"{len(result.landings)}",
        "all waits again in a new triggerer, at most, s": f"{result.taken_up:.0f}" if result.taken_up else "",
    }


def aims(result: Result) -> str:
    """Which of the aims one side meets."""
    measured = {
        "under 100 MB over idle": result.memory < 100e6,
        "lag under 200 ms": max(result.lags or [0.0]) < 0.2,
        "p50 under 2 s": quantile(result.landings or [99.0], 0.5) < 2,
        "p99 under 5 s": quantile(result.landings or [99.0], 0.99) < 5,
    }
    return (
        "Landfall's aims: " + ", ".join(f"{aim}: {'met' if met else 'not met'}" for aim, met in measured.items()) + "."
    )


def report(sides: dict[str, Result]) -> None:
    """Print the table and keep it."""
    columns = [column(name, result) for name, result in sides.items()]
    rows = [f"| {what} | {' | '.join(each[what] for each in columns)} |" for what in columns[0]]
    lines = [rows[0], f"|---|{'---|' * len(columns)}", *rows[1:], "", aims(sides["Landfall"]), "", *NOTES]
    write("ten_thousand_waits", f"{sides['Landfall'].waits:,} waits in one triggerer", lines)
