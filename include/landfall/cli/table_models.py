"""What `landfall train` and `landfall models` show for a table model, which has no days and no gate."""

from collections.abc import Mapping

from landfall.cli.output import Output
from landfall.database.statements import plain
from landfall.models.registry import CHAMPION, ListedVersion
from landfall.reporting import words
from landfall.runs import AirflowApi
from landfall.spec import TableModel
from landfall.stack import settings

DAG = "train_model"
HELD = "holdout_"


def train_table_model(out: Output, model: TableModel) -> None:
    """Trains the model in Airflow, waits, and shows the version, how good it is, and the command that deploys it."""
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


def aliases_of(entry: ListedVersion, serving: str | None) -> list[str]:
    """The aliases of a version. `champion` is on the version that serves, wherever MLflow's alias of that name is."""
    others = [alias for alias in entry.aliases if alias != CHAMPION]
    return ["champion", *others] if entry.version.version == serving else others


def list_versions(out: Output, model: str, listed: list[ListedVersion], serving: str | None) -> None:
    """Shows the versions of a model that no pipeline has, newest first: what each has learnt from, and how good it is."""
    versions = [_listed(entry, serving) for entry in listed]
    if out.wants_json:
        out.json(versions)
    elif not versions:
        out.say(f"no version of `{model}` yet    (landfall train {model})")
    else:
        columns = ("version", "alias", "rows", "held out", "registered at", "learnt from")
        rows = [
            (
                entry["version"],
                ", ".join(map(str, entry["aliases"] if isinstance(entry["aliases"], list) else ())),
                entry["rows"],
                _numbers(entry["metrics"] if isinstance(entry["metrics"], Mapping) else {}),
                str(entry["registered_at"])[:16].replace("T", " "),
                entry["file"],
            )
            for entry in versions
        ]
        out.table(columns, rows, title=f"{model}: {words.count(len(rows), 'version')}")


def _listed(entry: ListedVersion, serving: str | None) -> dict[str, object]:
    version = entry.version
    return {
        "version": version.version,
        "aliases": aliases_of(entry, serving),
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
