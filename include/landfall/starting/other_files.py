"""The first files of the other extension points: a table model, a readiness rule, a compute target."""

import io
import re

from landfall.errors import SpecError
from landfall.spec.readiness import RULES
from landfall.starting.inference import Inference
from landfall.starting.pipeline_files import estimator_of
from landfall.starting.place import Place
from landfall.starting.project_files import stock_dag
from landfall.starting.rendering import render

LARGEST = 64 * 1024**2
"""The largest sample, in bytes, that becomes the rows of a table model."""


def table_model_files(name: str, inference: Inference, place: Place) -> dict[str, str | bytes]:
    """File below the project's folder -> its content: the declaration, its rows as Parquet, a test, and the DAG that trains.

    Raises:
        SpecError: the sample is too large to be kept beside the declaration.
    """
    label, sample = inference.label, inference.sample
    if label is None:
        raise SpecError(f"The table model `{name}` has no label.", looked="--label", left="nothing was written")
    if not sample.whole or sample.path.stat().st_size > LARGEST:
        raise SpecError(
            f"The sample `{sample.path.name}` is too large to be the rows of a table model.",
            looked=f"{sample.path.stat().st_size:,} bytes; its first {sample.rows:,} rows were looked at",
            left="nothing was written",
            next="land it day by day: landfall new pipeline, or declare `rows` yourself: docs/guides/model_family.md",
        )
    module = f"{place.declarations}.{name}"
    texts = next(one.texts for one in inference.columns if one.name == label.name)
    values = sorted({str(text) for text in texts}, key=lambda text: (len(text), text))
    values = ["false", "true"] if values == ["true", "false"] else values
    classes = tuple(values) if label.task == "classification" else ()
    imports = sorted({"landfall.pipelines": "find_table_model", module: "MODEL, rows"}.items())
    context: dict[str, object] = {
        "name": name,
        "title": name.replace("_", " ").capitalize(),
        "label": label.name,
        "extent": f"the {sample.rows:,} rows of `{re.sub(r'[^A-Za-z0-9_.-]', '_', sample.path.name)[:60]}`",
        "features": label.features,
        "estimator": estimator_of(label),
        "classes": classes,
        "test_imports": "\n".join(f"from {source} import {names}" for source, names in imports),
    }
    file = place.file_of(module)
    files: dict[str, str | bytes] = {
        file: render("table_model.py", context),
        f"{file.removesuffix('.py')}.parquet": _parquet(inference),
        f"{place.tests}/test_{name}.py": render("test_table_model.py", context),
    }
    if not (place.root / "dags/train_model.py").exists():
        files["dags/train_model.py"] = stock_dag("train_model")
    return files


def _parquet(inference: Inference) -> bytes:
    """The columns that the model needs, as a Parquet file."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    label = inference.label
    needed = {*label.features, label.name} if label else set()
    columns = {one.name: [_number(text) for text in one.texts] for one in inference.columns if one.name in needed}
    file = io.BytesIO()
    pq.write_table(pa.table(columns), file)
    return file.getvalue()


def _number(text: str | None) -> float | None:
    if text is None:
        return None
    return float(text.lower() == "true") if text.lower() in ("true", "false") else float(text)


def readiness_files(name: str, place: Place) -> tuple[dict[str, str], list[str]]:
    """The files of a readiness rule, and what to do next.

    Raises:
        SpecError: this is no checkout of Landfall, or the name is none, or taken.
    """
    _check(name, place, "readiness rule", [re.sub(r"(?<!^)(?=[A-Z])", "_", rule.kind).lower() for rule in RULES])
    rule = "".join(word.capitalize() for word in name.split("_"))
    context = {"name": name, "rule": rule}
    files = {
        f"include/landfall/spec/readiness/{name}.py": render("readiness.py", context),
        f"tests/spec/test_{name}.py": render("test_readiness.py", context),
    }
    return files, [
        f"say what the rule lacks: include/landfall/spec/readiness/{name}.py",
        f"import {rule} in include/landfall/spec/readiness/__init__.py and add it to RULES",
        f".venv/bin/python -m pytest tests/spec/test_{name}.py",
    ]


def target_files(name: str, place: Place) -> tuple[dict[str, str], list[str]]:
    """The files of a compute target, and what to do next.

    Raises:
        SpecError: this is no checkout of Landfall, or the name is none, or taken.
    """
    targets = sorted(file.parent.name for file in (place.root / "include/landfall/compute").glob("*/__init__.py"))
    _check(name, place, "compute target", targets)
    context = {"name": name}
    files = {
        f"include/landfall/compute/{name}/__init__.py": f'"""Runs jobs on {name}."""\n',
        f"include/landfall/compute/{name}/operator.py": render("target_operator.py", context),
        f"tests/compute/test_{name}.py": render("test_target.py", context),
    }
    return files, [
        f"write operator and settle: include/landfall/compute/{name}/operator.py",
        f"add `{name}` to Target in include/landfall/compute/choice.py, and a branch to service_of in compute/services.py",
        f".venv/bin/python -m pytest tests/compute/test_{name}.py",
        f"LANDFALL_COMPUTE={name} landfall up",
    ]


def _check(name: str, place: Place, kind: str, taken: list[str]) -> None:
    if place.own:
        raise SpecError(
            f"A {kind} is part of Landfall, not of a project.",
            looked=f"{place.root}: a project of its own",
            left="nothing was written",
            next="the same command in Landfall's checkout",
        )
    if not re.fullmatch(r"[a-z][a-z0-9_]{1,30}", name) or name in taken:
        raise SpecError(
            f"`{name[:40]}` cannot be the name of a {kind}.",
            looked=f"expected lower-case words with underscores, and none of {', '.join(taken)}",
            left="nothing was written",
        )
