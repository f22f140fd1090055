"""What a command shows while it waits for many runs: how many have ended, and what the first of the others is doing."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager

from rich.markup import escape
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn, TimeRemainingColumn

from landfall.cli.outcomes import sentence
from landfall.cli.output import Output
from landfall.runs.many import Doing
from landfall.spec import Feed, Settings

WAIT = "wait_for_landing"
"""The task of a run that waits for its data."""


def doing_now(servers: Settings, feed: Feed, doing: Doing) -> str:
    """A sentence about what a run that is waited for is doing."""
    page = f"{servers.airflow_url}/dags/{feed.dag_id}/runs/{doing.run_id}"
    if doing.held:
        return f"{doing.partition} goes on no further: {doing.held}; see {page}"
    if doing.task == WAIT:
        return f"{doing.partition} waits for data to land at s3://{servers.s3.bucket}/{feed.landing.folder(doing.partition)}"
    return f"{doing.partition}: {f'{doing.task} ({doing.state})' if doing.task else doing.state}"


class FeedBar:
    """A progress bar for one feed.

    Args:
        done: Called with the counts whenever one more run has ended.
        tell: Called with what is under way, and whether a person should know of it even without a bar.
    """

    def __init__(self, done: Callable[[dict[str, int]], None], tell: Callable[[str, bool], None]) -> None:
        self.done, self.tell = done, tell

    def say(self, text: str) -> None:
        """Shows what is under way."""
        self.tell(text, False)


@contextmanager
def bar_of(out: Output, name: str, total: int) -> Iterator[FeedBar]:
    columns = (
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        TimeElapsedColumn(),
        TimeRemainingColumn(),
        TextColumn("{task.fields[counts]}"),
    )
    with Progress(*columns, console=out.errors) as bar:
        task = bar.add_task(name, total=total, counts="")
        shown: set[str] = set()

        def tell(text: str, important: bool) -> None:
            if out.errors.is_terminal:
                bar.update(task, description=escape(f"{name}: {text}"))
            elif important and text not in shown:  # nobody watches a bar
                out.remark(f"{name}: {text}")
                shown.add(text)

        yield FeedBar(lambda counts: bar.update(task, advance=1, counts=sentence(counts)), tell)
