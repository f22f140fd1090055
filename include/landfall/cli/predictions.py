"""`landfall lookup`, `publications`, `sql`: shows what was published, and runs SQL on its database."""

import csv
import sys
from collections.abc import Iterator, Sequence
from contextlib import suppress
from dataclasses import asdict
from pathlib import Path
from typing import Annotated

import typer
from rich.cells import cell_len

from landfall import database, publishing
from landfall.cli.output import JsonFlag, Output, answering
from landfall.database.statements import StatementResult, execute, plain
from landfall.errors import LandfallError, PublishingError
from landfall.pipelines import find_feed, find_pipeline
from landfall.spec import PredictionTable
from landfall.stack import home, settings

PipelineName = Annotated[str, typer.Argument(metavar="PIPELINE", help="A pipeline, such as bike_demand.")]
TableOf = Annotated[
    str, typer.Argument(metavar="PIPELINE", help="A pipeline, or PIPELINE/FEED for the table of one of its feeds.")
]


def register(app: typer.Typer) -> None:
    """Adds the commands of this file."""
    app.command()(lookup)
    app.command("publications")(publications)
    app.command()(sql)


def table_of(name: str) -> PredictionTable:
    """The prediction table of a pipeline (`PIPELINE`) or of one feed (`PIPELINE/FEED`)."""
    return find_feed(name).table if "/" in name else find_pipeline(name).table


def lookup(
    pipeline: PipelineName,
    key: Annotated[list[str], typer.Argument(metavar="COLUMN=VALUE...", help="The key, such as city=Washington.")],
    json: JsonFlag = False,
) -> None:
    """Show the prediction of one key: city=Washington state=D.C. time=2012-12-25T12:00 (or epoch milliseconds)."""
    pairs = dict(_pair(text) for text in key)
    if len(pairs) < len(key):
        raise typer.BadParameter("a column is given twice", param_hint="COLUMN=VALUE")
    with answering(json) as out:
        chosen = find_pipeline(pipeline)
        key_values = publishing.parse_key(chosen.table, pairs)
        with database.connect(settings(), longest=database.QUESTION) as conn:
            row = publishing.lookup(conn, chosen.table, key_values)
        added = ("model_version", "published_at") if chosen.training else ("published_at",)
        shown = {name: plain(row[name]) for name in (*chosen.table.key, *chosen.table.values, *added)}
        width = max(map(len, shown))
        out.answer(shown, "\n".join(f"{name.replace('_', ' '):<{width}}  {value}" for name, value in shown.items()))


def _pair(text: str) -> tuple[str, str]:
    name, equals, value = text.partition("=")
    if not equals or not name:
        raise typer.BadParameter(f"`{text}` is not COLUMN=VALUE", param_hint="COLUMN=VALUE")
    return name, value


def publications(
    pipeline: TableOf,
    limit: Annotated[int, typer.Option(min=1, help="How many publications, newest first.")] = 20,
    json: JsonFlag = False,
) -> None:
    """List the publications of a prediction table, newest first: what readers see, what they saw, what can be rolled back to."""
    with answering(json) as out:
        table = table_of(pipeline)
        with database.connect(settings(), longest=database.QUESTION) as conn:
            records = publishing.publications(conn, table, limit)
        listed = [{**asdict(publication), "partition": str(publication.partition)} for publication in records]
        if json:
            out.json([{name: plain(value) for name, value in publication.items()} for publication in listed])
            return
        columns = ("id", "partition", "state", "rows", "model_version", "published_at", "restored_at", "kept", "run_id")
        rows = [tuple(plain(publication[name]) for name in columns) for publication in listed]
        print(aligned(StatementResult(columns, rows, f"{len(rows)} of `{table.name}`")))


def sql(
    statement: Annotated[str | None, typer.Argument(help="One statement; without it, a prompt opens.")] = None,
    as_csv: Annotated[bool, typer.Option("--csv", help="Answer with CSV.")] = False,
    json: JsonFlag = False,
) -> None:
    """Run SQL on the predictions database, or open a prompt."""
    if json and as_csv:
        raise typer.BadParameter("--json and --csv exclude each other")
    with answering(json) as out:
        if statement is None:
            if json or as_csv:
                raise typer.BadParameter("--json and --csv need a statement")
            _prompt(out)
            return
        with database.connect(settings(), longest=database.NO_END, migrated=False) as conn:
            results = execute(conn, statement)
        if len(results) != 1:
            raise PublishingError(
                f"{len(results)} statements were run; this shows the answer of one.", next="landfall sql"
            )
        _show(out, results[0], as_csv=as_csv)


def _show(out: Output, result: StatementResult, *, as_csv: bool = False) -> None:
    if out.wants_json and not result.columns:
        out.json({"status": result.status})
    elif out.wants_json:
        out.json([dict(zip(result.columns, row, strict=True)) for row in result.rows])
    elif as_csv and result.columns:
        writer = csv.writer(sys.stdout, lineterminator="\n")
        writer.writerows([result.columns, *result.rows])
    else:
        print(aligned(result) if result.columns else result.status)


def aligned(result: StatementResult) -> str:
    """Rows under their columns. No cell is cut, whatever the width of the terminal."""
    cells = [result.columns, *(["" if v is None else _printable(str(v)) for v in row] for row in result.rows)]
    widths = [max(cell_len(row[n]) for row in cells) for n in range(len(result.columns))]
    numbers = [all(_is_number(row[n]) for row in result.rows) for n in range(len(widths))]

    def line(row: Sequence[str]) -> str:
        padded = [" " * (width - cell_len(cell)) for width, cell in zip(widths, row, strict=True)]
        joined = "  ".join(p + c if right else c + p for p, c, right in zip(padded, row, numbers, strict=True))
        return joined.rstrip()

    rule = "  ".join("-" * width for width in widths)
    count = (
        result.status
        if not result.status.startswith("SELECT")
        else f"{len(result.rows)} row{'' if len(result.rows) == 1 else 's'}"
    )
    return "\n".join([line(cells[0]), rule, *map(line, cells[1:]), f"({count})"])


def _is_number(value: object) -> bool:
    return value is None or (isinstance(value, int | float) and not isinstance(value, bool))


def _printable(text: str) -> str:
    """Text that moves no cursor: control characters are shown as escapes."""
    return "".join(c if c.isprintable() else c.encode("unicode_escape").decode() for c in text)


LIST = """SELECT c.oid::regclass::text AS "table", CASE c.relkind WHEN 'v' THEN 'view' ELSE 'table' END AS kind
FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
WHERE c.relkind IN ('r', 'p', 'v') AND n.nspname <> 'information_schema' AND n.nspname NOT LIKE 'pg\\_%'
  AND n.nspname <> 'publications_data' ORDER BY 1"""
DESCRIBE = """SELECT attname AS "column", format_type(atttypid, atttypmod) AS type, attnotnull AS not_null
FROM pg_attribute WHERE attrelid = {}::regclass AND attnum > 0 AND NOT attisdropped ORDER BY attnum"""


def _prompt(out: Output) -> None:
    """Runs statements until the end of the input or `\\q`. An error is shown, and the prompt goes on."""
    servers = settings()
    conn = database.connect(servers, longest=database.NO_END, migrated=False)
    if sys.stdin.isatty():
        out.say("A statement ends with `;`. \\d lists tables, \\d TABLE describes one, \\q ends.")
    try:
        for typed in _typed(home() / "sql_history"):
            try:
                if conn.closed:
                    conn = database.connect(servers, longest=database.NO_END, migrated=False)
                for result in execute(conn, typed):
                    _show(out, result)
            except LandfallError as error:
                out.errors.print(f"error: {error}", markup=False, highlight=False, style="red")
            except KeyboardInterrupt:
                out.errors.print("cancelled")
    finally:
        conn.close()


def _typed(history: Path) -> Iterator[str]:
    """Each complete statement as it is typed; a backslash command becomes the statement that it stands for."""
    watched = sys.stdin.isatty()
    _read_history(history, watched)
    lines: list[str] = []
    while True:
        try:
            line = input(("   ...> " if lines else "landfall=> ") if watched else "").rstrip()
        except KeyboardInterrupt:
            lines = []
            print()
            continue
        except EOFError:
            break
        if not lines and line.startswith("\\"):
            if line == "\\q":
                return
            yield _command(line)
            continue
        lines += [line] if line or lines else []
        if line.endswith(";"):
            yield "\n".join(lines)
            lines = []
    if any(lines):
        yield "\n".join(lines)


def _command(line: str) -> str:
    name, _, about = line.partition(" ")
    if name == "\\d" and about.strip():
        return DESCRIBE.format("'" + about.strip().rstrip(";").replace("'", "''") + "'")
    return LIST if name in ("\\d", "\\dt") else line


def _read_history(history: Path, watched: bool) -> None:
    """Loads earlier statements for the arrow keys, and saves all at the end of the program; only if somebody types."""
    if not watched:
        return
    import atexit
    import readline

    with suppress(OSError):
        readline.read_history_file(history)
    readline.set_history_length(1000)

    def keep() -> None:
        with suppress(OSError):
            history.parent.mkdir(parents=True, exist_ok=True)
            readline.write_history_file(history)
            history.chmod(0o600)

    atexit.register(keep)
