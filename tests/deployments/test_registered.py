"""Which version of a registered model is deployed, and what is read of it; a stranger's pickle is never loaded."""

import os
import pickle
import uuid
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
from sklearn.tree import DecisionTreeClassifier

from landfall.deployments.registered import find_registered, model_of_run, read_form
from landfall.errors import ModelError
from landfall.models.log_model import log_model
from landfall.models.registry import registry, set_champion, version, versions
from landfall.scoring.form import Classes
from landfall.spec import Settings

ROWS = pd.DataFrame({"size": [1.0, 2.0, 3.0, 4.0], "kind": [0, 0, 1, 1]})
SPARK = {"pyspark_version": "4.0.4", "model_data": "sparkml", "code": None, "model_class": "pyspark.ml.PipelineModel"}
SKLEARN = {"pickled_model": "model.pkl", "serialization_format": "cloudpickle", "sklearn_version": "1.9.1"}


@dataclass
class Shelf:
    """One registered model that no other test has."""

    settings: Settings
    name: str = field(default_factory=lambda: f"test_{uuid.uuid4().hex[:8]}")

    def log(self, **more: Any) -> Any:
        """A new version by `log_model`: a tree that tells two sizes apart."""
        tree = DecisionTreeClassifier(max_depth=1).fit(ROWS[["size"]], ROWS.kind)
        return log_model(self.settings, self.name, tree, ROWS, label="kind", **more)

    def put(self, flavors: dict[str, Any], folder: Path, **tags: str) -> str:
        """A new version as anybody may register one: `folder`, with an MLmodel file of MLflow's own beside what is in it."""
        from mlflow.models import Model

        folder.mkdir(exist_ok=True)
        Model(artifact_path="model", flavors=flavors).save(str(folder / "MLmodel"))
        with registry(self.settings) as client:
            if not client.search_registered_models(f"name = '{self.name}'"):
                client.create_registered_model(self.name)
            tags = {f"landfall.{key}": value for key, value in tags.items()}
            return str(client.create_model_version(self.name, folder.as_uri(), tags=tags).version)

    def find(self, *which: str | None) -> Any:
        return find_registered(self.settings, self.name, *which)

    def refused(self, *which: str | None) -> str:
        with pytest.raises(ModelError) as caught:
            self.find(*which)
        return str(caught.value).replace(self.name, "flowers")


@pytest.fixture
def shelf(local_settings: Settings) -> Iterator[Shelf]:
    one = Shelf(local_settings)
    yield one
    with registry(local_settings) as client:
        if client.search_registered_models(f"name = '{one.name}'"):
            client.delete_registered_model(one.name)


# --- which version ----------------------------------------------------------------------------------------------------


def test_the_newest_version_is_taken_until_one_was_promoted(shelf: Shelf) -> None:
    first, second = shelf.log(), shelf.log()

    newest = shelf.find()
    assert (newest.model, newest.version, newest.run_id) == (shelf.name, "2", second.run_id)
    set_champion(shelf.settings, shelf.name, "1")
    assert (shelf.find().version, shelf.find().run_id) == ("1", first.run_id)


def test_a_version_is_named_by_its_number_or_by_the_run_that_made_it(shelf: Shelf) -> None:
    first, second = shelf.log(), shelf.log()
    set_champion(shelf.settings, shelf.name, "2")

    assert shelf.find("1").run_id == first.run_id
    assert shelf.find(None, first.run_id).version == "1"
    assert model_of_run(shelf.settings, second.run_id) == shelf.name
    assert shelf.refused("1", first.run_id) == (
        "A version and a run are both named.\n"
        f"  looked: version 1, run {first.run_id}\n"
        "  left: nothing was deployed\n"
        "  next: name one"
    )


def test_what_the_registry_has_not_is_told_with_what_it_has(shelf: Shelf) -> None:
    first, second = shelf.log(), shelf.log()

    assert shelf.refused("12") == (
        "There is no version of `flowers` `12`. Did you mean `2`?\n  looked: known: 1, 2\n  next: landfall models flowers"
    )
    nearly = first.run_id[:-1]
    assert shelf.refused(None, nearly) == (
        f"There is no version of `flowers` by the run `{nearly}`. Did you mean `{first.run_id}`?\n"
        f"  looked: known: {second.run_id}, {first.run_id}\n"
        "  next: landfall models flowers"
    )
    with pytest.raises(ModelError) as caught:
        find_registered(shelf.settings, shelf.name[:-1])
    assert str(caught.value).startswith(
        f"There is no registered model `{shelf.name[:-1]}`. Did you mean `{shelf.name}`?\n  looked: known: "
    )
    assert caught.value.next == f"landfall train {shelf.name[:-1]}"


def test_a_run_that_made_no_version_is_told_how_to_register_its_model(local_settings: Settings) -> None:
    with pytest.raises(ModelError) as caught:
        model_of_run(local_settings, "0a1b' OR 'x' = 'x")
    assert str(caught.value) == (
        "No version of a registered model was made by the run `0a1b' OR 'x' = 'x`.\n"
        "  looked: the model registry\n"
        "  left: nothing was deployed\n"
        "  next: mlflow.register_model('runs:/0a1b' OR 'x' = 'x/model', NAME)    (then deploy NAME)"
    )


def test_its_classes_are_those_that_its_training_has_declared(shelf: Shelf, tmp_path: Path) -> None:
    shelf.log()
    shelf.log(classes=["small", "large"])

    assert [shelf.find(each).classes for each in ("1", "2")] == [(), ("small", "large")]


@pytest.mark.parametrize("told", ["small,large", '{"0": "small"}', "[0, 1]"])
def test_classes_that_somebody_has_written_in_another_form_are_refused(shelf: Shelf, told: str) -> None:
    shelf.log()
    with registry(shelf.settings) as client:
        client.set_model_version_tag(shelf.name, "1", "landfall.classes", told)

    assert shelf.refused() == (
        "The tag `landfall.classes` of version 1 of `flowers` does not name its classes.\n"
        f'  looked: {told}; expected a JSON list of names, such as ["no", "yes"]\n'
        "  left: nothing was deployed\n"
        "  next: mend the tag in MLflow"
    )


# --- Spark ML ---------------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def session(stack: Any) -> Iterator[Any]:
    """The stack's Spark, which writes where this process reads."""
    from pyspark.sql import SparkSession

    from landfall.compute.local import SMALL

    one = SparkSession.builder.remote(stack.settings.spark_remote).create()
    for option, value in SMALL.items():
        one.conf.set(option, value)
    yield one
    one.stop()


def test_a_spark_model_is_read_as_landfall_and_as_plain_mlflow_lay_it_out(
    session: Any, shelf: Shelf, tmp_path: Path
) -> None:
    from pyspark.ml import Pipeline
    from pyspark.ml.classification import DecisionTreeClassifier as SparkTree
    from pyspark.ml.feature import VectorAssembler

    rows = session.createDataFrame(ROWS)
    assembler = VectorAssembler(inputCols=["size"], outputCol="features")
    fitted = Pipeline(stages=[assembler, SparkTree(labelCol="kind", maxDepth=1)]).fit(rows)
    log_model(shelf.settings, shelf.name, fitted, rows, label="kind", classes=["small", "large"])
    place = tmp_path / "my model"
    fitted.write().save(str(place / "sparkml"))
    assert shelf.put({"spark": SPARK, "python_function": {"loader_module": "mlflow.spark"}}, place) == "2"

    ours, plain = shelf.find("1"), shelf.find("2")

    assert [(each.name, each.kind) for each in ours.form.inputs] == [("size", "number")]
    assert isinstance(ours.form.decision, Classes)
    assert ours.form.decision.labels == (0.0, 1.0)
    assert plain.form == ours.form
    assert (ours.classes, plain.classes, plain.run_id) == (("small", "large"), (), "")


def test_a_spark_model_whose_files_are_gone_is_told_where_they_were(shelf: Shelf, tmp_path: Path) -> None:
    shelf.put({"spark": SPARK}, tmp_path / "model")

    assert shelf.refused() == (
        "There is no Spark model where one was expected.\n"
        f"  looked: {(tmp_path / 'model' / 'sparkml').as_uri()}/stages\n"
        "  left: nothing was compiled\n"
        "  next: landfall models PIPELINE"
    )


# --- pickles ----------------------------------------------------------------------------------------------------------


class Trap:
    """Makes a folder when it is loaded."""

    def __init__(self, folder: Path) -> None:
        self.folder = str(folder)

    def __reduce__(self) -> tuple[Any, ...]:
        return os.mkdir, (self.folder,)


@pytest.fixture
def trap(tmp_path: Path) -> Iterator[bytes]:
    """A pickle that shows whether it was loaded; it must not have been."""
    sprung, proof = tmp_path / "sprung", tmp_path / "proof"
    pickle.loads(pickle.dumps(Trap(proof)))
    assert proof.is_dir()
    yield pickle.dumps(Trap(sprung))
    assert not sprung.exists()


def test_a_pickle_that_landfall_wrote_is_read(shelf: Shelf) -> None:
    made = shelf.log()

    assert len(made.tags["landfall.model_sha256"]) == 64
    assert [each.name for each in shelf.find().form.inputs] == ["size"]
    assert read_form(shelf.settings, version(shelf.settings, shelf.name, "1")) == shelf.find().form


def test_a_pickle_that_nobody_vouches_for_is_not_loaded(shelf: Shelf, trap: bytes, tmp_path: Path) -> None:
    folder = tmp_path / "model"
    folder.mkdir()
    (folder / "model.pkl").write_bytes(trap)
    shelf.put({"sklearn": SKLEARN}, folder, library="scikit-learn")

    assert shelf.refused() == (
        "Version 1 of `flowers` is a pickle that no training of Landfall wrote; it is not loaded.\n"
        f"  looked: its SHA-256 {digest(trap)}..., the version says none\n"
        "  left: nothing was deployed\n"
        "  next: train it with `landfall train`, or register it as a Spark ML model"
    )


def test_a_pickle_that_was_changed_after_it_was_registered_is_not_loaded(shelf: Shelf, trap: bytes) -> None:
    made = shelf.log()
    Path(made.path.removeprefix("file://"), "model.pkl").write_bytes(trap)

    assert shelf.refused() == (
        "Version 1 of `flowers` is a pickle that no training of Landfall wrote; it is not loaded.\n"
        f"  looked: its SHA-256 {digest(trap)}..., the version says {made.tags['landfall.model_sha256'][:16]}...\n"
        "  left: nothing was deployed\n"
        "  next: train it with `landfall train`, or register it as a Spark ML model"
    )


def digest(content: bytes) -> str:
    import hashlib

    return hashlib.sha256(content).hexdigest()[:16]


# --- anything else ----------------------------------------------------------------------------------------------------


def test_a_model_of_another_kind_is_refused_with_its_flavors(shelf: Shelf, tmp_path: Path) -> None:
    shelf.put({"python_function": {"loader_module": "mine"}, "xgboost": {"data": "model.xgb"}}, tmp_path / "model")

    assert shelf.refused() == (
        "Version 1 of `flowers` is no model of Spark ML or scikit-learn.\n"
        "  looked: its flavors: python_function, xgboost\n"
        "  left: nothing was deployed\n"
        "  next: landfall models flowers"
    )


@pytest.mark.parametrize("content", ["", "{", "flavors: none", "[]"])
def test_an_mlmodel_file_that_says_nothing_is_refused(shelf: Shelf, tmp_path: Path, content: str) -> None:
    shelf.put({}, tmp_path / "model")
    (tmp_path / "model" / "MLmodel").write_text(content)

    assert shelf.refused() == (
        "Version 1 of `flowers` is no model of Spark ML or scikit-learn.\n"
        "  looked: its flavors: none\n"
        "  left: nothing was deployed\n"
        "  next: landfall models flowers"
    )


def test_a_version_whose_files_are_gone_is_told_where_they_were(shelf: Shelf, tmp_path: Path) -> None:
    shelf.put({}, tmp_path / "model")
    file = tmp_path / "model" / "MLmodel"
    file.unlink()

    assert shelf.refused() == (
        f"`{file.as_uri()}` could not be read.\n"
        f"  looked: [Errno 2] Failed to open local file '{file}'. Detail: [errno 2] No such file or directory\n"
        "  left: nothing was deployed\n"
        "  next: landfall ps"
    )


def test_a_version_in_a_store_that_is_neither_a_folder_nor_s3_is_refused(shelf: Shelf) -> None:
    with registry(shelf.settings) as client:
        client.create_registered_model(shelf.name)
        client.create_model_version(shelf.name, "gs://bucket/model")

    assert shelf.refused() == (
        "`gs://bucket/model/MLmodel` is not a place that models are read from.\n"
        "  looked: expected s3:// or file://\n"
        "  left: nothing was deployed"
    )
    assert [each.version.version for each in versions(shelf.settings, shelf.name)] == ["1"]
