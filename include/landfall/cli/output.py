"""What every command shares: `--json`, errors as text or JSON, and progress, as plain lines if nobody watches a terminal.

    def ps(json: JsonFlag = False) -> None:
        with answering(json) as out:
            out.table(rows) if not json else out.json(rows)

Exit code 0 if it succeeded, 1 after a `LandfallError`, 2 for a wrong command line.
"""

import json as json_format
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from itertools import zip_longest
from typing import Annotated

import typer
from rich.console import Console
from rich.markup import escape

from landfall.errors import LandfallError

JsonFlag = Annotated[bool, typer.Option("--json", help="Answer with JSON on stdout, errors too.")]


class Output:
    """A command's answer (stdout) and its remarks (stderr)."""

    def __init__(self, *, json: bool) -> None:
        self.wants_json = json
        self.console = Console(soft_wrap=not sys.stdout.isatty(), width=None if sys.stdout.isatty() else 200)
        self.errors = Console(stderr=True, soft_wrap=True)

    def json(self, value: object) -> None:
        """The answer as one JSON document."""
        print(json_format.dumps(value, default=str, ensure_ascii=False), flush=True)

    def say(self, text: str) -> None:
        """A line for a person: on stdout, or on stderr if stdout carries JSON."""
        (self.errors if self.wants_json else self.console).print(text, markup=False, highlight=False)

    def remark(self, text: str) -> None:
        """A remark beside the answer, for a person, on stderr."""
        self.errors.print(text, markup=False, highlight=False, style="yellow")

    def table(
        self,
        columns: Sequence[str],
        rows: Sequence[Sequence[object]],
        *,
        title: str | None = None,
        styles: Sequence[str] = (),
    ) -> None:
        """Rows for a person; `styles` are the colours of the rows."""
        from rich.table import Table

        table = Table(title=title, title_justify="left", box=None, pad_edge=False, header_style="bold")
        for column in columns:
            table.add_column(column, no_wrap=column != columns[-1])
        for row, style in zip_longest(rows, styles, fillvalue=""):
            table.add_row(*(escape("" if cell is None else str(cell)) for cell in row), style=style or None)
        self.console.print(table)

    def answer(self, value: Mapping[str, object] | Sequence[object], text: str) -> None:
        """The answer: `value` with --json, else `text`."""
        if self.wants_json:
            self.json(value)
        else:
            self.say(text)

    @contextmanager
    def progress(self, what: str) -> Iterator["Progress"]:
        """For something that takes a while: a spinner on a terminal, plain lines elsewhere; always on stderr."""
        if self.errors.is_terminal:
            with self.errors.status(escape(what)) as status:
                yield Progress(lambda text: status.update(f"{escape(what)}: {escape(text)}"))
        else:
            self.errors.print(what, markup=False, highlight=False)
            seen: set[str] = set()

            def line(text: str) -> None:
                if text not in seen:
                    self.errors.print(f"  {text}", markup=False, highlight=False)
                seen.add(text)

            yield Progress(line)

    @contextmanager
    def bar(self, what: str) -> Iterator[Callable[[int, int, str], None]]:
        """The progress of something long, on stderr: a bar on a terminal; elsewhere a line for each tenth.

        Call the yielded function with how much is done, how much there is, and a few words.
        """
        if self.errors.is_terminal:
            from rich.progress import BarColumn, TaskProgressColumn, TextColumn, TimeRemainingColumn
            from rich.progress import Progress as Bar

            columns = (TextColumn("{task.description}"), BarColumn(), TaskProgressColumn(), TimeRemainingColumn())
            with Bar(*columns, TextColumn("{task.fields[words]}"), console=self.errors, transient=True) as bar:
                task = bar.add_task(escape(what), total=None, words="")
                yield lambda done, of, words: bar.update(task, completed=done, total=of, words=escape(words))
        else:
            with self.progress(what) as progress:
                tenths = {-1}

                def line(done: int, of: int, words: str) -> None:
                    tenth = 10 * done // max(of, 1)
                    if tenth > max(tenths):
                        tenths.add(tenth)
                        progress.step(f"{10 * tenth} %, {words}")

                yield line


class Progress:
    """Shows progress; the same text twice in a row is shown once."""

    def __init__(self, show: Callable[[str], None]) -> None:
        self._show, self._last = show, ""

    def step(self, text: str) -> None:
        if text != self._last:
            self._last = text
            self._show(text)


@contextmanager
def answering(json: bool) -> Iterator[Output]:
    """The output of one command; a `LandfallError` in it becomes a message and exit code 1."""
    output = Output(json=json)
    try:
        yield output
    except LandfallError as error:
        if json:
            output.json(error.as_dict())
        else:
            output.errors.print(f"error: {error}", markup=False, highlight=False, style="red")
        raise typer.Exit(1) from None
    except BrokenPipeError:
        raise typer.Exit(0) from None
    except KeyboardInterrupt:
        raise typer.Exit(130) from None
