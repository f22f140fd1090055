"""The files of a new pipeline: its declaration, its job, its DAGs and a test."""

import re
from collections.abc import Callable, Mapping
from dataclasses import fields
from typing import cast, get_args

from landfall.errors import SpecError
from landfall.spec import Column
from landfall.spec.calendar import Grain
from landfall.starting.code import Name, call
from landfall.starting.features import Made, made_features
from landfall.starting.inference import Inference, declared
from landfall.starting.labels import Label
from landfall.starting.place import Place
from landfall.starting.rendering import render

SQL = {"string": "text", "bigint": "bigint", "int": "bigint", "double": "double precision", "timestamp": "timestamptz"}
"""Type in a contract -> type in a published table; all others are published as text."""
MINIMUM, HOLDOUT = 7, 14
"""The usual number of partitions that a model needs, and that are held out to judge it (at most a fifth)."""


def check_name(name: str, taken: list[str]) -> None:
    """Checks the name of a new pipeline or table model.

    Raises:
        SpecError: it is no plain name, or taken.
    """
    if not re.fullmatch(r"[a-z][a-z0-9_]{1,30}", name):
        raise SpecError(
            f"`{name[:40]}` is no name of a pipeline.",
            looked="expected 2 to 31 lower-case letters, digits and underscores, a letter first",
            left="nothing was written",
        )
    if name in taken:
        raise SpecError(
            f"There is a `{name}` already.",
            looked=", ".join(taken),
            left="nothing was written",
            next="take another name",
        )


def check_grain(text: str | None) -> Grain | None:
    """The grain that a person wrote.

    Raises:
        SpecError: there is no such grain.
    """
    if text is not None and text not in get_args(Grain):
        raise SpecError.unknown("grain", text, list(get_args(Grain)))
    return cast(Grain | None, text)


def pipeline_files(name: str, inference: Inference, place: Place) -> dict[str, str]:
    """File below the project's folder -> its text."""
    made = made_features(inference)
    context = _context(name, inference, made, place)
    dags = ("inputs", "actuals", "training") if inference.label else ("rows",)
    test = f"{place.tests}/test_{name}.py"
    return {
        place.file_of(f"{place.declarations}.{name}"): _tidy(render("declaration.py", context)),
        place.file_of(f"{place.jobs}.{name}"): _tidy(render("job.py", context)),
        **{f"dags/{name}_{dag}.py": _tidy(render(f"dag_{dag}.py", context)) for dag in dags},
        test: _tidy(render("test_pipeline.py", context)),
    }


def feed_names(name: str, inference: Inference) -> tuple[str, ...]:
    """The names of the new feeds on the command line, the one that the sample lands in first."""
    return tuple(f"{name}/{feed}" for feed in (("actuals", "inputs") if inference.label else ("rows",)))


def _context(name: str, inference: Inference, made: Made, place: Place) -> dict[str, object]:
    when, label, sample = inference.when, inference.label, inference.sample
    columns = declared(inference)
    sql = {column.name: SQL.get(column.type, "text") for column in columns} | made.sql
    table_key = _table_key(inference)
    key_columns = {key: sql[key] for key in table_key}
    values = {column: kind for column, kind in sql.items() if column not in made.dropped}
    extent = f"{'all' if sample.whole else 'the first'} {sample.rows:,} rows of `{_plain(sample.path.name)}`"
    context: dict[str, object] = {
        "name": name,
        "title": name.replace("_", " ").capitalize(),
        "summary": f"{label.name} is predicted." if label else "rows are checked and published.",
        "extent": extent,
        "label": label.name if label else "",
        "zone": when.calendar.timezone,
        "hourly": when.calendar.hourly,
        "grain": when.calendar.grain,
        "calendar": {"grain": when.calendar.grain, "timezone": when.calendar.timezone},
        "calendar_is_own": when.calendar.hourly or when.calendar.timezone != "UTC",
        "format_call": _format_call(inference),
        "columns": [_given(column) for column in columns],
        "key": inference.key.columns,
        "partition_by": when.column,
        "partition_hour": when.hour,
        "table_key": table_key,
        "published_columns": key_columns | values,
        "prediction_columns": {**key_columns, "predicted": "double precision"},
        "error_columns": {**key_columns, **dict.fromkeys(("predicted", "actual", "error"), "double precision")},
        "landing": _landing_of(name, inference),
        "transform": f"{place.jobs}.{name}:{name}_features",
        **vars(made),
        "more": made.more,
    }
    context |= _learning(inference, made) if label else {}
    names = ["Column", "Contract", "Feed", "Landing", "Pipeline", "PredictionTable", "Transform"]
    names += ["Estimator", "Freshness", "Gate", "Learner", "Retraining", "Training"] if label else []
    names += [type(inference.format).__name__] if context["format_call"] != "Csv()" else []
    names += ["Calendar"] if context["calendar_is_own"] else []
    return context | {"spec_names": sorted(names)} | _of_test(name, inference, place)


def _learning(inference: Inference, made: Made) -> dict[str, object]:
    label = inference.label
    if label is None:
        return {}
    minimum = max(2, min(MINIMUM, inference.when.partitions))
    metric = "accuracy" if label.task == "classification" else "rmse"
    return {
        "features": (*label.features, *made.time_features),
        "estimator": estimator_of(label),
        "holdout": HOLDOUT,
        "minimum": minimum,
        "new_partitions": minimum,
        "gate": {"metric": metric},
    }


def estimator_of(label: Label) -> dict[str, object]:
    """The estimator to begin with: a small forest, which needs no scaling."""
    parameters = {"numTrees": 20, "maxDepth": 8, "minInstancesPerNode": 4}
    return {"kind": "random_forest", "task": label.task, "parameters": parameters}


def _table_key(inference: Inference) -> tuple[str, ...]:
    """The key of the published tables: that of the rows, with `time` in place of what says their partition."""
    when = inference.when
    others = tuple(column for column in inference.key.columns if column not in (when.column, when.hour))
    return (*others, "time") if inference.key.columns else ("time", "row")


def _landing_of(name: str, inference: Inference) -> Callable[[str], Mapping[str, object]]:
    calendar = inference.when.calendar

    def landing(feed: str) -> Mapping[str, object]:
        values: dict[str, object] = {"prefix": f"{name}/{feed}"}
        if calendar.hourly:
            values["folder_format"] = "dt=%Y-%m-%d/hr=%H"
        if calendar.timezone != "UTC":
            values["timezone"] = calendar.timezone
        if _format_call(inference) != "Csv()":
            values["format"] = Name("FORMAT")
        return values

    return landing


def _format_call(inference: Inference) -> str:
    """The format as Python source, without the fields that have their default."""
    kind = type(inference.format)
    return call(kind.__name__, inference.format.to_dict(), len("FORMAT = "))


def _given(column: Column) -> dict[str, object]:
    """The fields of a column that its declaration gives: those that differ from their defaults."""
    values = column.to_dict()
    return {attribute.name: values[attribute.name] for attribute in fields(Column) if attribute.name in values}


def _of_test(name: str, inference: Inference, place: Place) -> dict[str, object]:
    columns = [one.texts for one in inference.columns]
    rows = list(zip(*(texts[:3] for texts in columns), strict=True))
    calendar, when = inference.when.calendar, inference.when
    partition = calendar.example
    if when.column:
        rows, partition = _rows_of_one_partition(inference)
    modules = {
        "landfall.pipelines": "find_pipeline",
        f"{place.declarations}.{name}": "PIPELINE",
        "landfall.testing": "dag_of, kept_rows, local_spark",
        f"{place.jobs}.{name}": f"{name}_features",
    }
    lines = [f"from {module} import {names}" for module, names in sorted(modules.items())]

    def imports(verbs: str, constant: str) -> str:
        of_landfall = f"from landfall.orchestration import {verbs}"
        if len(of_landfall) > 120:
            inner = "".join(f"    {verb},\n" for verb in verbs.split(", "))
            of_landfall = f"from landfall.orchestration import (\n{inner})"
        of_declaration = f"from {place.declarations}.{name} import {constant}"
        return "\n".join(sorted((of_landfall, of_declaration), key=lambda line: line.split()[1]))

    return {
        "rows": rows,
        "partition": partition,
        "test_imports": "\n".join(lines),
        "depth": place.tests.count("/") + 1,
        "imports": imports,
    }


def _rows_of_one_partition(inference: Inference) -> tuple[list[tuple[str | None, ...]], str]:
    """Up to three rows of the sample that lie in one partition, and its name."""
    from landfall.starting.times import partition_of_row

    rows = list(zip(*(one.texts for one in inference.columns), strict=True))
    names = [one.name for one in inference.columns]
    found = [partition_of_row(dict(zip(names, row, strict=True)), inference.when) for row in rows]
    return [row for row, partition in zip(rows, found, strict=True) if partition == found[0]][:3], found[0]


def _plain(name: str) -> str:
    return re.sub(r"[^\w.-]", "_", name)[:60]


def _tidy(text: str) -> str:
    """The text with at most two empty lines in a row, and one line end at its end."""
    return re.sub(r"\n{4,}", "\n\n\n", text).rstrip("\n") + "\n"
