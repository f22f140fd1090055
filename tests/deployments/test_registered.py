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

from landfall.database import connect
from landfall.deployments.registered import find_registered, model_of_run, read_form
from landfall.deployments.vouching import vouch
from landfall.errors import ModelError
from landfall.freshness import promote
from landfall.models.log_model import log_model
from landfall.models.own import own_versions
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

    @property
    def root(self) -> Path:
        """A folder among this project's artifacts that no other test has."""
        folder = Path(self.settings.mlflow_artifacts, self.name)
        folder.mkdir(exist_ok=True)
        return folder

    def promote(self, number: str) -> None:
        with connect(self.settings) as conn:
            promote(self.settings, conn, self.name, number, expected=None, reason="r")

    def log(self, **more: Any) -> Any:
        """A new version by `log_model`: a tree that tells two sizes apart."""
        tree = DecisionTreeClassifier(max_depth=1).fit(ROWS[["size"]], ROWS.kind)
        return log_model(self.settings, self.name, tree, ROWS, label="kind", **more)

    def put(self, flavors: dict[str, Any], folder: Path, **tags: str) -> str:
        """A new version as anybody may register one: `folder`, with an MLmodel file of MLflow's own beside what is in it."""
        from mlflow.models import Model

        folder.mkdir(exist_ok=True, parents=True)
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
    shelf.promote("1")
    assert (shelf.find().version, shelf.find().run_id) == ("1", first.run_id)


def test_of_those_that_nobody_promoted_only_one_that_landfall_made_is_taken(shelf: Shelf, trap: bytes) -> None:
    shelf.put({"spark": SPARK}, shelf.root / "model")
    assert shelf.refused() == (
        "No version of `flowers` was made by Landfall, so that none is deployed unless it is named.\n"
        "  looked: landfall.own_versions; MLflow has 1\n"
        "  left: nothing was deployed\n"
        "  next: landfall train flowers    (or name one: --model-version 1)"
    )
    own = shelf.log()
    shelf.put({"spark": SPARK}, shelf.root / "model", library="scikit-learn", model_sha256=digest(trap))
    assert (own.version, shelf.find().version) == ("2", "2")


def test_an_alias_that_landfall_did_not_set_is_no_champion(shelf: Shelf) -> None:
    shelf.log()
    shelf.log()
    set_champion(shelf.settings, shelf.name, "1")
    assert shelf.refused() == (
        "Version 1 of `flowers` is called the champion in MLflow, but Landfall did not promote it: it is not used.\n"
        "  looked: landfall.promotions has no promotion of this model\n"
        "  left: no version serves; nothing was changed\n"
        "  next: landfall models flowers    (then, to accept it: landfall promote flowers 1)"
    )
    shelf.promote("2")
    set_champion(shelf.settings, shelf.name, "1")
    assert shelf.find().version == "2"


def test_a_run_that_somebody_else_has_registered_again_is_known_by_the_version_that_landfall_made(shelf: Shelf) -> None:
    made = shelf.log()
    with registry(shelf.settings) as client:
        client.create_model_version(shelf.name, (shelf.root / "other").as_uri(), made.run_id)
    assert shelf.find(None, made.run_id).version == "1"


def test_a_version_is_named_by_its_number_or_by_the_run_that_made_it(shelf: Shelf) -> None:
    first, second = shelf.log(), shelf.log()
    shelf.promote("2")

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

    from landfall.compute.local.warm import SMALL

    one = SparkSession.builder.remote(stack.settings.spark_remote).create()
    for option, value in SMALL.items():
        one.conf.set(option, value)
    yield one
    one.stop()


def test_a_spark_model_is_read_as_landfall_and_as_plain_mlflow_lay_it_out(session: Any, shelf: Shelf) -> None:
    from pyspark.ml import Pipeline
    from pyspark.ml.classification import DecisionTreeClassifier as SparkTree
    from pyspark.ml.feature import VectorAssembler

    rows = session.createDataFrame(ROWS)
    assembler = VectorAssembler(inputCols=["size"], outputCol="features")
    fitted = Pipeline(stages=[assembler, SparkTree(labelCol="kind", maxDepth=1)]).fit(rows)
    log_model(shelf.settings, shelf.name, fitted, rows, label="kind", classes=["small", "large"])
    place = shelf.root / "my model"
    fitted.write().save(str(place / "sparkml"))
    assert shelf.put({"spark": SPARK, "python_function": {"loader_module": "mlflow.spark"}}, place) == "2"

    ours, plain = shelf.find("1"), shelf.find("2")

    assert [(each.name, each.kind) for each in ours.form.inputs] == [("size", "number")]
    assert isinstance(ours.form.decision, Classes)
    assert ours.form.decision.labels == (0.0, 1.0)
    assert plain.form == ours.form
    assert shelf.find().version == "1"
    assert (ours.classes, plain.classes, plain.run_id) == (("small", "large"), (), "")


def test_a_spark_model_whose_files_are_gone_is_told_where_they_were(shelf: Shelf) -> None:
    shelf.put({"spark": SPARK}, shelf.root / "model")

    assert shelf.refused("1") == (
        "There is no Spark model where one was expected.\n"
        f"  looked: {(shelf.root / 'model' / 'sparkml').as_uri()}/stages\n"
        "  left: nothing was compiled\n"
        "  next: landfall models PIPELINE"
    ).replace(shelf.name, "flowers")


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


@pytest.mark.parametrize("tags", [{}, {"library": "scikit-learn"}, {"library": "scikit-learn", "model_sha256": "it"}])
def test_a_pickle_that_nobody_vouches_for_is_not_loaded(shelf: Shelf, trap: bytes, tags: dict[str, str]) -> None:
    """Among this project's artifacts, with every tag that Landfall would set, and called the champion."""
    folder = shelf.root / "model"
    folder.mkdir()
    (folder / "model.pkl").write_bytes(trap)
    said = {key: digest(trap, 64) if text == "it" else text for key, text in tags.items()}
    shelf.put({"sklearn": SKLEARN}, folder, **said)
    set_champion(shelf.settings, shelf.name, "1")

    assert shelf.refused("1") == (
        "Version 1 of `flowers` is a pickle that Landfall did not write; it is not loaded.\n"
        "  looked: landfall.own_versions has no version 1 of run none there"
        f"{'; MLflow' + chr(39) + 's tags, which anybody may have set, do not count' if tags else ''}\n"
        "  left: nothing was deployed\n"
        "  next: landfall train flowers    (or, if you know who wrote it: landfall vouch flowers 1)"
    )
    if tags:
        with connect(shelf.settings) as conn, pytest.raises(ModelError, match="pickle that Landfall did not write"):
            promote(shelf.settings, conn, shelf.name, "1", expected=None, reason="r")


def test_a_pickle_that_a_person_vouches_for_is_read_as_it_was_then(shelf: Shelf, tmp_path: Path) -> None:
    made = shelf.log()
    with registry(shelf.settings) as client:
        source = client.get_model_version(shelf.name, "1").source
        client.create_model_version(shelf.name, source, tags={"landfall.library": "scikit-learn"})
    assert "is a pickle that Landfall did not write" in shelf.refused("2")

    note = vouch(shelf.settings, version(shelf.settings, shelf.name, "2"), by_run="landfall vouch")

    assert (note.how, note.sha256) == ("vouched for", made.tags["landfall.model_sha256"])
    assert shelf.find("2").form == shelf.find("1").form
    with registry(shelf.settings) as client:
        client.create_model_version(shelf.name, tmp_path.as_uri())
    with pytest.raises(ModelError) as caught:
        vouch(shelf.settings, version(shelf.settings, shelf.name, "3"), by_run="landfall vouch")
    assert caught.value.what == f"Version 3 of `{shelf.name}` lies outside this project's artifacts; it is not read."
    assert caught.value.left == "nobody vouches for the version"


def test_a_version_that_took_the_number_of_one_of_ours_is_not_loaded(shelf: Shelf, trap: bytes) -> None:
    ours = shelf.log()
    folder = shelf.root / "model"
    folder.mkdir()
    (folder / "model.pkl").write_bytes(trap)
    with registry(shelf.settings) as client:
        client.delete_registered_model(shelf.name)
    assert shelf.put({"sklearn": SKLEARN}, folder, library="scikit-learn") == ours.version

    assert shelf.refused("1") == (
        "Version 1 of `flowers` in MLflow is not the one that Landfall made; it is not loaded.\n"
        f"  looked: in MLflow run none, scikit-learn, at {folder.as_uri()}; in landfall.own_versions run {ours.run_id}, "
        f"scikit-learn, at {ours.source}\n"
        "  left: nothing was deployed\n"
        "  next: landfall train flowers    (or, if you know who wrote it: landfall vouch flowers 1)"
    ).replace(shelf.name, "flowers")
    assert own_versions(shelf.settings, shelf.name)["1"].run_id == ours.run_id


def test_a_pickle_that_was_changed_after_it_was_registered_is_not_loaded(shelf: Shelf, trap: bytes) -> None:
    made = shelf.log()
    Path(made.path.removeprefix("file://"), "model.pkl").write_bytes(trap)
    with registry(shelf.settings) as client:
        client.set_model_version_tag(shelf.name, "1", "landfall.model_sha256", digest(trap, 64))

    assert shelf.refused() == (
        "Version 1 of `flowers` is a pickle that Landfall did not write; it is not loaded.\n"
        f"  looked: its SHA-256 is {digest(trap)}..., that of the one Landfall wrote "
        f"{made.tags['landfall.model_sha256'][:16]}...\n"
        "  left: nothing was deployed\n"
        "  next: landfall train flowers    (or, if you know who wrote it: landfall vouch flowers 1)"
    )


def digest(content: bytes, length: int = 16) -> str:
    import hashlib

    return hashlib.sha256(content).hexdigest()[:length]


# --- anything else ----------------------------------------------------------------------------------------------------


def test_a_model_of_another_kind_is_refused_with_its_flavors(shelf: Shelf) -> None:
    shelf.put({"python_function": {"loader_module": "mine"}, "catboost": {"data": "model.cb"}}, shelf.root / "model")

    assert shelf.refused("1") == (
        "Version 1 of `flowers` is no model of Spark ML, scikit-learn, XGBoost, LightGBM.\n"
        "  looked: its flavors: catboost, python_function\n"
        "  left: nothing was deployed\n"
        "  next: landfall models flowers"
    )


@pytest.mark.parametrize("content", ["", "{", "flavors: none", "[]"])
def test_an_mlmodel_file_that_says_nothing_is_refused(shelf: Shelf, content: str) -> None:
    shelf.put({}, shelf.root / "model")
    (shelf.root / "model" / "MLmodel").write_text(content)

    assert shelf.refused("1") == (
        "Version 1 of `flowers` is no model of Spark ML, scikit-learn, XGBoost, LightGBM.\n"
        "  looked: its flavors: none\n"
        "  left: nothing was deployed\n"
        "  next: landfall models flowers"
    )


def test_a_version_whose_files_are_gone_is_told_where_they_were(shelf: Shelf) -> None:
    shelf.put({}, shelf.root / "model")
    file = shelf.root / "model" / "MLmodel"
    file.unlink()

    assert shelf.refused("1") == (
        f"`{file.as_uri()}` could not be read.\n"
        f"  looked: [Errno 2] Failed to open local file '{file}'. Detail: [errno 2] No such file or directory\n"
        "  left: nothing was deployed\n"
        "  next: landfall ps"
    ).replace(shelf.name, "flowers")


@pytest.mark.parametrize(
    "place",
    [
        "gs://bucket/model",
        "s3://unused/bike_sharing/model",
        "file:///tmp/stranger/model",
        "/tmp/stranger/model",
        "{root}/../other/model",
        "file://{root}/%2e%2e/other/model",
        "{root}x/model",
        "{root}",
    ],
)
def test_a_version_that_lies_outside_this_projects_artifacts_is_not_read(shelf: Shelf, place: str) -> None:
    source = place.format(root=shelf.settings.mlflow_artifacts)
    with registry(shelf.settings) as client:
        client.create_registered_model(shelf.name)
        client.create_model_version(shelf.name, source)

    assert shelf.refused("1") == (
        "Version 1 of `flowers` lies outside this project's artifacts; it is not read.\n"
        f"  looked: {source}; expected a place under {shelf.settings.mlflow_artifacts}\n"
        "  left: nothing was deployed\n"
        "  next: landfall models flowers    (and name a version that Landfall made)"
    )
    assert [each.version.version for each in versions(shelf.settings, shelf.name)] == ["1"]


def test_an_mlmodel_file_that_leads_outside_is_not_followed(shelf: Shelf) -> None:
    shelf.put({"spark": {**SPARK, "model_data": "../../../other/model"}}, shelf.root / "model")
    assert shelf.refused("1").startswith(
        "Version 1 of `flowers` lies outside this project's artifacts; it is not read."
    )
