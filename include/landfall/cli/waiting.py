"""What a command that waits for many runs shows meanwhile: how many have ended, and what the first of the others is at."""

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


def doing_now(where: Settings, feed: Feed, doing: Doing) -> str:
    """What a run that is waited for is at."""
    page = f"{where.airflow_url}/dags/{feed.dag_id}/runs/{doing.run_id}"
    if doing.held:
        return f"{doing.partition} goes on no further: {doing.held}; see {page}"
    if doing.task == WAIT:
        return (
            f"{doing.partition} waits for data to land at s3://{where.s3.bucket}/{feed.landing.folder(doing.partition)}"
        )
    return f"{doing.partition}: {f'{doing.task} ({doing.state})' if doing.task else doing.state}"


class Step:
    """A progress bar of one feed.

    Args:
        done: Told the counts when one more is done.
        tell: Told what is under way, and whether that is something to wait for or to do something about.
    """

    def __init__(self, done: Callable[[dict[str, int]], None], tell: Callable[[str, bool], None]) -> None:
        self.done, self.tell = done, tell

    def say(self, text: str) -> None:
        """Something is under way."""
        self.tell(text, False)


@contextmanager
def bar_of(out: Output, name: str, total: int) -> Iterator[Step]:
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
        said: set[str] = set()

        def tell(text: str, important: bool) -> None:
            if out.errors.is_terminal:
                bar.update(task, description=escape(f"{name}: {text}"))
            elif important and text not in said:  # nobody watches a bar
                out.remark(f"{name}: {text}")
                said.add(text)

        yield Step(lambda counts: bar.update(task, advance=1, counts=sentence(counts)), tell)
