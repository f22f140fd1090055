"""What `landfall train` and `landfall models` say of a table model, which has no days and no gate."""

from collections.abc import Mapping

from landfall.cli.output import Output
from landfall.database.statements import plain
from landfall.models.registry import CHAMPION, Listed
from landfall.reporting import words
from landfall.runs import AirflowApi
from landfall.spec import TableModel
from landfall.stack import settings

DAG = "train_model"
HELD = "holdout_"


def train_table_model(out: Output, model: TableModel) -> None:
    """Train it in Airflow, wait, and tell the version, how good it is, and how it is deployed."""
    with out.progress(f"training {model.name}") as progress:
        api = AirflowApi(settings())
        run_id = api.trigger(DAG, conf={"model": model.name})
        api.wait(DAG, run_id, progress.step)
        trained = api.xcom(DAG, run_id, "train_rows")
    deploy = f"landfall deploy {model.name} --table {model.name}_live --primary-key id --create-table"
    text = (
        f"model version {trained['version']} of `{model.name}`: learnt from {trained['rows']} rows; "
        f"on {trained['held_rows']} that were held out: {_numbers(trained['metrics'])}\nnext: {deploy}"
    )
    out.answer({"run_id": run_id, **trained, "next": deploy}, text)


def aliases_of(each: Listed, serving: str | None) -> list[str]:
    """The aliases of a version: `champion` is on the one that serves, wherever MLflow's alias of that name is."""
    others = [alias for alias in each.aliases if alias != CHAMPION]
    return ["champion", *others] if each.version.version == serving else others


def list_versions(out: Output, model: str, listed: list[Listed], serving: str | None) -> None:
    """The versions of a model that is no pipeline's, newest first: what each learnt from, and how good it is."""
    told = [_listed(each, serving) for each in listed]
    if out.wants_json:
        out.json(told)
    elif not told:
        out.say(f"no version of `{model}` yet    (landfall train {model})")
    else:
        columns = ("version", "alias", "rows", "held out", "registered at", "learnt from")
        rows = [
            (
                each["version"],
                ", ".join(map(str, each["aliases"] if isinstance(each["aliases"], list) else ())),
                each["rows"],
                _numbers(each["metrics"] if isinstance(each["metrics"], Mapping) else {}),
                str(each["registered_at"])[:16].replace("T", " "),
                each["file"],
            )
            for each in told
        ]
        out.table(columns, rows, title=f"{model}: {words.count(len(rows), 'version')}")


def _listed(each: Listed, serving: str | None) -> dict[str, object]:
    version = each.version
    return {
        "version": version.version,
        "aliases": aliases_of(each, serving),
        "rows": version.rows.rows if version.rows else None,
        "metrics": {name: plain(value) for name, value in version.metrics.items() if name.startswith(HELD)},
        "classes": list(version.classes),
        "library": version.library,
        "registered_at": plain(version.created_at),
        "reason": version.tags.get("landfall.reason", ""),
        "file": version.rows.key if version.rows else "",
        "sha256": version.rows.sha256 if version.rows else "",
    }


def _numbers(metrics: Mapping[str, object]) -> str:
    """`accuracy 0.9333, f1 0.934`."""
    numbers = {name.removeprefix(HELD): value for name, value in metrics.items() if isinstance(value, int | float)}
    return ", ".join(f"{name} {value:.4g}" for name, value in sorted(numbers.items()))
