"""A training from its start to a version that plain MLflow loads, without Spark."""

import json
import pickle
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from landfall.errors import ModelError
from landfall.models.registry import (
    champion_version,
    fail,
    find_version,
    log_published_errors,
    register,
    registry,
    set_champion,
    start_training,
    version,
    versions,
)
from landfall.models.watching import annotate
from landfall.spec import Partition, RowsFile
from landfall.spec.training_reports import FittedReport, TrainedReport

pytestmark = pytest.mark.stack


def trained(settings, name, report, **more):
    """A run whose model was saved, registered."""
    run = start_training(settings, name, {"landfall.reason": "31 new partitions", "landfall.run_id": "manual__1"})
    return register(settings, run, name, typed(report), **more)


def typed(report):
    """The report as its class."""
    return (TrainedReport if "snapshot" in report else FittedReport).of(report)


def test_a_version_says_everything_it_was_made_of(local_settings, name, report):
    made = trained(local_settings, name, report, tags={"team": "riders"}, learner='{"label":"cnt"}')
    set_champion(local_settings, name, "1")
    assert champion_version(local_settings, name) == "1"
    assert version(local_settings, name, "1") == made
    assert (made.version, made.library, made.learner) == ("1", "spark", '{"label":"cnt"}')
    assert str(made.snapshot.partitions) == "2012-06-01..2012-06-29,2012-07-01..2012-07-02"
    assert (made.snapshot.rows, str(made.snapshot.judged_until)) == (720, "2012-06-25")
    assert made.metrics == {"holdout_rmse": 1.5, "rows": 720.0}
    assert made.tags["landfall.reason"] == "31 new partitions"
    with registry(local_settings) as client:
        run = client.get_run(made.run_id)
        tags = client.get_model_version(name, "1").tags
        experiment = client.get_experiment(run.info.experiment_id)
    assert experiment.name == name
    assert run.info.status == "FINISHED"
    assert run.data.params == {"numTrees": "3", "seed": "7"}
    assert run.data.tags["landfall.code_version"] == "c0de"
    assert json.loads(run.data.tags["landfall.snapshot"])["version"] == 4
    assert (run.data.tags["team"], tags["team"]) == ("riders", "riders")


def test_the_artifacts_hold_what_a_person_and_mlflow_want(local_settings, name, report):
    made = trained(local_settings, name, report)
    root = Path(made.path).parents[1]
    assert sorted(str(path.relative_to(root)) for path in root.rglob("*") if path.is_file()) == [
        "actual_versus_predicted.png",
        "importances.json",
        "importances.png",
        "model/MLmodel",
        "model/input_example.json",
        "model/requirements.txt",
        "reference.json",
        "snapshot.json",
        "tried.json",
    ]
    assert json.loads(Path(made.reference).read_text()) == report["reference"]
    assert json.loads((root / "importances.json").read_text()) == report["importances"]
    assert made.judged == str(root / "judged")
    from mlflow.models import Model

    described = Model.load(str(root / "model"))
    assert described.signature.to_dict() == {
        "inputs": '[{"type": "double", "name": "temp", "required": true}, '
        '{"type": "string", "name": "weather", "required": true}]',
        "outputs": '[{"type": "double", "name": "prediction", "required": true}]',
        "params": None,
    }
    example = described.load_input_example(str(root / "model"))
    assert example.to_dict("records") == [{"temp": 0.5, "weather": "clear"}]
    assert described.flavors["spark"]["model_data"] == "fitted"


def test_a_report_of_an_older_job_is_registered_too(local_settings, name):
    report = {
        "rows": 72,
        "parameters": {"trees": 3},
        "metrics": {"holdout_rmse": 1.5},
        "snapshot": {"table": "features.test", "version": 4, "first": "2012-06-01", "last": "2012-06-03", "days": 3},
        "features": ["hr", "temp"],
        "label": "cnt",
    }
    made = trained(local_settings, name, report)
    assert (made.judged, made.reference, made.library) == ("", "", "spark")
    assert str(made.snapshot.partitions) == "2012-06-01..2012-06-03"


def test_a_scikit_learn_model_is_loaded_by_plain_mlflow(local_settings, name, report, plain_mlflow):
    import mlflow
    import pandas
    from sklearn.linear_model import LinearRegression

    rows = pandas.DataFrame({"temp": [0.0, 1.0, 2.0], "hum": [1.0, 0.0, 1.0]})
    model = LinearRegression().fit(rows, [1.0, 3.0, 5.0])
    report |= {
        "library": "scikit-learn",
        "features": ["temp", "hum"],
        "types": {},
        "example": {"temp": 0.5, "hum": 1.0},
    }
    run = start_training(local_settings, name, {})
    Path(run.model_path).mkdir(parents=True)
    Path(run.model_path, "model.pkl").write_bytes(pickle.dumps(model))
    made = register(local_settings, run, name, typed(report))
    set_champion(local_settings, name, made.version)
    assert made.library == "scikit-learn"
    expected = [float(value) for value in model.predict(rows)]
    assert list(mlflow.sklearn.load_model(f"models:/{name}@champion").predict(rows)) == expected
    assert list(mlflow.pyfunc.load_model(f"models:/{name}@champion").predict(rows)) == expected


def test_a_version_of_a_table_model_says_its_rows_and_its_classes_and_has_no_snapshot(local_settings, name, report):
    file = RowsFile(key="datasets/iris/0a1b.parquet", sha256="0a1b2c", rows=720)
    tags = {"landfall.rows": file.tag, "landfall.classes": '["setosa", "virginica"]'}
    del report["snapshot"], report["tried"]
    made = trained(local_settings, name, report, tags=tags)
    assert (made.snapshot, made.rows, made.classes) == (None, file, ("setosa", "virginica"))
    assert (made.judged, made.learnt_until) == ("", Partition.holding(made.created_at))
    with registry(local_settings) as client:
        run = client.get_run(made.run_id)
        said = client.get_model_version(name, "1").tags
    assert run.info.run_name == f"{name} from 720 rows"
    assert "landfall.snapshot" not in {**run.data.tags, **said}
    assert json.loads(run.data.tags["landfall.rows"]) == {"key": file.key, "sha256": "0a1b2c", "rows": 720}
    assert champion_version(local_settings, name) is None
    assert versions(local_settings, name)[0].aliases == ("challenger",)
    assert "snapshot.json" not in {path.name for path in Path(made.path).parents[1].iterdir()}


def test_the_digest_of_a_pickle_is_a_tag_of_its_version_and_no_other_model_has_one(local_settings, name, report):
    pickled = trained(local_settings, name, {**report, "library": "scikit-learn", "model_sha256": "c0ffee"})
    plain = trained(local_settings, name, {**report, "model_sha256": ""})
    assert pickled.tags["landfall.model_sha256"] == "c0ffee"
    assert "landfall.model_sha256" not in plain.tags


def test_registering_takes_seconds(local_settings, name, report):
    trained(local_settings, name, report)
    began = time.monotonic()
    trained(local_settings, name, report)
    assert time.monotonic() - began < 10


def test_two_trainings_at_once_both_become_versions(local_settings, name, report):
    start = threading.Barrier(4)

    def train(number):
        start.wait()
        return trained(local_settings, name, {**report, "metrics": {"holdout_rmse": float(number)}})

    with ThreadPoolExecutor(4) as pool:
        made = list(pool.map(train, range(4)))
    assert sorted(each.version for each in made) == ["1", "2", "3", "4"]
    listed = versions(local_settings, name)
    assert [each.version.version for each in listed] == ["4", "3", "2", "1"]
    assert {each.version.version: each.version for each in listed} == {each.version: each for each in made}
    assert [each.aliases for each in listed].count(("challenger",)) == 1


def test_the_first_challenger_of_two_at_once_is_no_failure(local_settings, name, report, monkeypatch):
    """MLflow looks whether the alias is there and then inserts it: another one may have, in between."""
    from mlflow import MlflowClient
    from mlflow.exceptions import MlflowException

    original, refused = MlflowClient.set_registered_model_alias, []

    def first_refused(self, *arguments):
        if not refused:
            refused.append(True)
            raise MlflowException("duplicate key value violates unique constraint")
        return original(self, *arguments)

    monkeypatch.setattr(MlflowClient, "set_registered_model_alias", first_refused)
    trained(local_settings, name, report)
    assert refused
    assert versions(local_settings, name)[0].aliases == ("challenger",)


def test_the_versions_are_listed_with_their_aliases(local_settings, name, report):
    for _ in range(3):
        trained(local_settings, name, report)
    set_champion(local_settings, name, "2")
    assert [(each.version.version, each.aliases) for each in versions(local_settings, name)] == [
        ("3", ("challenger",)),
        ("2", ("champion",)),
        ("1", ()),
    ]
    assert [each.version.version for each in versions(local_settings, name, limit=2)] == ["3", "2"]
    assert versions(local_settings, "never heard of") == []


def test_a_run_that_was_deleted_leaves_its_version_readable(local_settings, name, report):
    made = trained(local_settings, name, report)
    with registry(local_settings) as client:
        client.delete_run(made.run_id)
        experiment = client.get_experiment_by_name(name)
    assert version(local_settings, name, "1").snapshot == made.snapshot
    assert versions(local_settings, name)[0].version.snapshot == made.snapshot
    assert experiment is not None


def test_an_unknown_version_is_refused_with_those_there_are(local_settings, name, report):
    trained(local_settings, name, report)
    assert find_version(local_settings, name, "2") is None
    with pytest.raises(ModelError) as refused:
        version(local_settings, name, "11")
    assert str(refused.value) == (
        f"There is no version of `{name}` `11`. Did you mean `1`?\n  looked: known: 1\n  next: landfall models {name}"
    )


def test_there_is_no_champion_before_a_version_is_promoted(local_settings, name, report):
    assert champion_version(local_settings, name) is None
    trained(local_settings, name, report)
    assert champion_version(local_settings, name) is None


def test_a_training_that_gave_no_model_is_closed_as_failed(local_settings, name):
    run = start_training(local_settings, name, {})
    fail(local_settings, run)
    with registry(local_settings) as client:
        assert client.get_run(run.run_id).info.status == "FAILED"


def test_the_errors_of_what_was_published_are_metrics_of_the_versions_run(local_settings, name, report):
    made = trained(local_settings, name, report)
    log_published_errors(local_settings, name, {"1": {"published_rmse": 7.5}, "99": {"published_rmse": 1.0}}, 15371)
    with registry(local_settings) as client:
        told = client.get_metric_history(made.run_id, "published_rmse")
    assert [(each.value, each.step) for each in told] == [(7.5, 15371)]


def test_tags_are_set_on_a_version(local_settings, name, report):
    made = trained(local_settings, name, report)
    annotate(local_settings, made, {"landfall.gate": "refused"})
    assert version(local_settings, name, "1").tags["landfall.gate"] == "refused"


def test_two_pictures_are_left_out_where_there_is_nothing_to_show(local_settings, name, report):
    made = trained(local_settings, name, {**report, "importances": {}, "sample": [], "tried": [], "reference": {}})
    root = Path(made.path).parents[1]
    assert sorted(path.name for path in root.iterdir()) == ["model", "snapshot.json"]
    assert made.reference == ""
