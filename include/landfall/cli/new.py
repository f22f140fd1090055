"""`landfall new`: writes the first files of a pipeline, from a sample file, or of another extension point."""

import shlex
import sys
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, cast

import typer

from landfall.cli.output import JsonFlag, Output, answering
from landfall.errors import SpecError
from landfall.starting.inference import Choices, Inference, infer

if TYPE_CHECKING:
    from landfall.starting.place import Place

Yes = Annotated[bool, typer.Option("--yes", help="Ask nothing: write the files.")]
From = Annotated[
    Path, typer.Option("--from", metavar="SAMPLE", help="A .csv, .jsonl (or either .gz) or .parquet file.")
]


def register(app: typer.Typer) -> None:
    """Adds the commands of this file."""
    new = typer.Typer(no_args_is_help=True, help="Write the first files of a pipeline, or of another extension point.")
    new.command("pipeline")(pipeline)
    new.command("table-model")(table_model)
    new.command("readiness")(readiness)
    new.command("target")(target)
    app.add_typer(new, name="new")


def pipeline(
    name: Annotated[str, typer.Argument(metavar="NAME", help="Lower-case letters, digits and underscores.")],
    sample: From,
    grain: Annotated[
        str | None, typer.Option(metavar="day|hour", help="What a partition is; by default inferred.")
    ] = None,
    zone: Annotated[str, typer.Option(metavar="ZONE", help="The time zone of the partitions.")] = "UTC",
    time: Annotated[str, typer.Option(metavar="COLUMN", help="The date or time of a row; by default inferred.")] = "",
    key: Annotated[
        list[str] | None, typer.Option(metavar="COLUMN", help="A column of the key (repeat it); by default inferred.")
    ] = None,
    label: Annotated[str, typer.Option(metavar="COLUMN", help="The column to predict; without it nothing is.")] = "",
    yes: Yes = False,
    json: JsonFlag = False,
) -> None:
    """Write a pipeline from one sample file: its declaration, its job, its DAGs and a test. Nothing is overwritten.

    Types, ranges, key and partitions are inferred from the beginning of the sample. The command says what it inferred, and why.
    """
    from landfall.pipelines import PIPELINES, TABLE_MODELS
    from landfall.stack import project_root
    from landfall.starting.pipeline_files import check_grain, check_name, feed_names, pipeline_files
    from landfall.starting.place import find_place

    with answering(json) as out:
        place = find_place(project_root())
        check_name(name, [*PIPELINES, *TABLE_MODELS])
        choices = Choices(grain=check_grain(grain), zone=zone, time=time, key=tuple(key or ()), label=label)
        inferred = infer(sample, choices)
        _show(out, inferred)
        if not label and _asks(out, yes=yes):
            inferred = _with_label(inferred, sample, choices)
        files = pipeline_files(name, inferred, place)
        decisions = [decision._asdict() for decision in inferred.decisions()]
        _write(out, place.root, files, yes=yes, next=_next(name, inferred, sample, place.own, feed_names(name, inferred)),
               more={"pipeline": name, "feeds": list(feed_names(name, inferred)), "decisions": decisions})  # fmt: skip


def table_model(
    name: Annotated[str, typer.Argument(metavar="NAME", help="Lower-case letters, digits and underscores.")],
    sample: From,
    label: Annotated[str, typer.Option(metavar="COLUMN", help="The column to predict.")],
    yes: Yes = False,
    json: JsonFlag = False,
) -> None:
    """Write a table model: a model of a table of rows, which does not land day by day. The sample becomes its first rows."""
    from landfall.pipelines import PIPELINES, TABLE_MODELS
    from landfall.stack import project_root
    from landfall.starting.other_files import table_model_files
    from landfall.starting.pipeline_files import check_name
    from landfall.starting.place import find_place

    with answering(json) as out:
        place = find_place(project_root())
        check_name(name, [*PIPELINES, *TABLE_MODELS])
        inferred = infer(sample, Choices(label=label))
        _show(out, inferred)
        files = table_model_files(name, inferred, place)
        steps = [
            f"{_pytest(place.own)} {place.tests}/test_{name}.py",
            f"landfall train {name}",
            f"landfall models {name}",
        ]
        decisions = [decision._asdict() for decision in inferred.decisions()]
        _write(out, place.root, files, yes=yes, next=steps, more={"table_model": name, "decisions": decisions})


def readiness(
    name: Annotated[str, typer.Argument(metavar="NAME", help="Such as total_size; its class is TotalSize.")],
    yes: Yes = False,
    json: JsonFlag = False,
) -> None:
    """Write a readiness rule and its test, in Landfall's checkout."""
    from landfall.starting.other_files import readiness_files

    _extend("readiness", readiness_files, name, yes=yes, json=json)


def target(
    name: Annotated[str, typer.Argument(metavar="NAME", help="Such as slurm.")],
    yes: Yes = False,
    json: JsonFlag = False,
) -> None:
    """Write a compute target and its test, in Landfall's checkout."""
    from landfall.starting.other_files import target_files

    _extend("target", target_files, name, yes=yes, json=json)


def _extend(
    kind: str, files_of: "Callable[[str, Place], tuple[dict[str, str], list[str]]]", name: str, *, yes: bool, json: bool
) -> None:
    """Writes the files of an extension point of Landfall's checkout, and says what comes next."""
    from landfall.stack import project_root
    from landfall.starting.place import find_place

    with answering(json) as out:
        place = find_place(project_root())
        files, steps = files_of(name, place)
        _write(out, place.root, files, yes=yes, next=steps, more={kind: name})


def _show(out: Output, inferred: Inference) -> None:
    """What was inferred, for a person; with --json the answer has it."""
    if not out.wants_json:
        rows = [tuple(decision) for decision in inferred.decisions()]
        out.table(("what", "is", "because"), cast("Sequence[Sequence[object]]", rows))


def _asks(out: Output, *, yes: bool) -> bool:
    return not yes and not out.wants_json and sys.stdin.isatty()


def _with_label(inferred: Inference, sample: Path, choices: Choices) -> Inference:
    """The inference with the label that a person names; as it was if no column is to be predicted."""
    numbers = [one.name for one in inferred.columns if one.column.type in ("bigint", "double", "boolean")]
    if not numbers:
        return inferred
    label = typer.prompt(
        f"Which column is to be predicted ({', '.join(numbers)}; empty: none)", default="", show_default=False
    )
    return infer(sample, Choices(**{**vars(choices), "label": label})) if label else inferred


def _write(
    out: Output,
    root: Path,
    files: Mapping[str, str] | Mapping[str, str | bytes],
    *,
    yes: bool,
    next: Sequence[str],
    more: Mapping[str, object],
) -> None:
    """Writes the files, after a person has agreed, and says what to do next.

    Raises:
        SpecError: nobody can be asked, or a file exists already.
    """
    from landfall.starting.rendering import write_new

    if _asks(out, yes=yes):
        typer.confirm(f"Write {', '.join(files)}?", default=True, abort=True)
    elif not yes:
        raise SpecError(
            "Nobody can be asked whether the files are to be written.",
            looked=f"they would be {', '.join(files)}",
            left="nothing was written",
            next="the same command with --yes",
        )
    write_new(root, files)
    lines = [*(f"wrote {name}" for name in files), "next:", *(f"  {step}" for step in next)]
    out.answer({**more, "files": list(files), "next": list(next)}, "\n".join(lines))


def _next(name: str, inferred: Inference, sample: Path, own: bool, feeds: Sequence[str]) -> list[str]:
    """The commands to type next. A model never predicts what it has learnt from, so the newest rows are not landed to learn."""
    tests = "tests" if own else "tests/pipelines"
    steps = [f"{_pytest(own)} {tests}/test_{name}.py", "landfall up"]
    when, example = inferred.when, inferred.when.calendar.example
    land = [f"landfall land {feed} {shlex.quote(str(sample))}" for feed in feeds]
    day = "" if when.column else f" --partition {example}"
    if not inferred.label:
        steps += [f"{land[0]}{day}", f"landfall apply {name}"]
    elif len(when.newest) == 2:
        earlier, newest = when.newest
        steps += [f"{land[0]} --until {earlier}", f"landfall train {name}", f"{land[1]} --from {newest}"]
        steps.append(f"landfall backfill {name} --from {newest} --to {newest}")
    else:
        rows = f"rows of at least 2 {when.calendar.grain}s are needed to learn from"
        steps += [f"{land[0]}{day}    ({rows})", f"landfall train {name}"]
        steps.append(f"landfall land {feeds[1]} FILE{day and ' --partition PARTITION'}    (other rows, to predict)")
        steps.append(f"landfall apply {name}")
    if own:
        return steps
    snapshot = (
        "LANDFALL_WRITE_SNAPSHOTS=1 python -m pytest tests/spark_jobs/test_command_lines.py    (its command lines)"
    )
    return [*steps, "python docs/generate_dags.py    (the catalogue of DAGs)", snapshot]


def _pytest(own: bool) -> str:
    return "python -m pytest" if own else ".venv/bin/python -m pytest"
