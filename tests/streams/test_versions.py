"""A version that is promoted scores from the next batch on; one that cannot score is refused, and the one before stays."""

from collections.abc import Callable, Iterator
from dataclasses import replace
from itertools import islice
from typing import Any

import pyarrow as pa
import pytest

from landfall.compute.local.warm import WarmSpark
from landfall.freshness import notice, promote
from landfall.landing.rows import land_rows
from landfall.models.training import register, start_training
from landfall.objects.client import connect as store
from landfall.pipelines.libsvm import LIBSVM, LIBSVM_STREAM, dense_pictures
from landfall.spec import Estimator, TableModel
from landfall.spec.training_reports import RowsTrainedReport
from landfall.streams.send import Faults, messages
from landfall.streams.standing import standing

pytestmark = pytest.mark.usefixtures("stack")
TREE = replace(
    LIBSVM.learner,
    estimator=Estimator(kind="decision_tree", task="classification", parameters={"maxDepth": 3}),
)


def rows(count: int) -> list[bytes]:
    return list(islice(messages(LIBSVM_STREAM, Faults()), count))


@pytest.fixture(scope="module")
def trained(libsvm: Any, stack: Any) -> Iterator[Callable[[TableModel], str]]:
    """Trains and registers a version of a table model without Airflow; gives its number."""
    patched = pytest.MonkeyPatch()
    for name, value in stack.env.items():
        if name.startswith(("AWS_", "MLFLOW_")):
            patched.setenv(name, value)

    def train(model: TableModel) -> str:
        file = land_rows(store(libsvm.s3), libsvm.s3.bucket, model)
        run = start_training(libsvm, model.name, {"landfall.reason": "a test"})
        argv = model.training.argv(partition="", rows=file.key, model=run.model_path)
        report = RowsTrainedReport.of(WarmSpark(remote=libsvm.spark_remote, lake=libsvm.lake).run(argv))
        tags = {"landfall.rows": file.tag}
        return register(libsvm, run, model.name, report, tags, learner=model.learner.to_json()).version

    yield train
    patched.undo()


def crown(live: Any, version: str) -> None:
    before = notice(live.settings, live.conn, "libsvm").version
    promote(live.settings, live.conn, "libsvm", version, expected=before, reason="a test", by_run="a test")


def test_a_promotion_serves_from_the_next_batch_on_and_a_rollback_too(live: Any, trained: Any) -> None:
    logistic, tree = trained(LIBSVM), trained(replace(LIBSVM, learner=TREE))
    crown(live, logistic)
    stream = live.new()
    with live.driving(stream) as driver:
        scored = driver.session.score

        def promoted_meanwhile(*arguments: object) -> object:
            table = scored(*arguments)
            crown(live, tree)
            driver.session.score = scored
            return table

        driver.session.score = promoted_meanwhile
        served = []
        for change in (None, None, logistic):
            if change:
                crown(live, change)
            live.put(stream, rows(40))
            driver.step()
            served.append(driver.shown.model_version)
    assert served == [logistic, tree, logistic]
    live.require_exactly_once(stream, 120)
    counted = f"SELECT model_version, count(*) FROM {stream.predictions_table} GROUP BY 1"
    assert dict(live.conn.execute(counted)) == {logistic: 80, tree: 40}
    versions = live.conn.execute(f"SELECT DISTINCT unnest(model_versions) FROM {stream.windows_table} ORDER BY 1")
    assert [version for (version,) in versions] == sorted([logistic, tree])


def test_a_version_whose_columns_the_stream_lacks_is_refused_and_the_old_one_stays(live: Any, trained: Any) -> None:
    good = trained(LIBSVM)
    crown(live, good)

    def renamed() -> pa.Table:
        return dense_pictures().rename_columns(["petals", "label"])

    learner = replace(LIBSVM.learner, features=("petals",))
    odd = trained(replace(LIBSVM, rows=renamed, learner=learner))
    stream = live.new()
    try:
        with live.driving(stream) as driver:
            live.put(stream, rows(20))
            driver.step()
            crown(live, odd)
            live.put(stream, rows(20))
            driver.step()
            assert driver.shown.model_version == good
            driver._show("running")
        found = standing(live.conn, stream)
        assert f"Version {odd} of `libsvm` cannot score `{stream.name}`: it reads `petals`, a vector." in found.problem
        crown(live, good)
        live.put(stream, rows(20))
        with live.driving(stream) as driver:
            driver.step()
            assert driver.scorers.refused == ""
    finally:
        crown(live, good)
    live.require_exactly_once(stream, 60)
    assert live.conn.execute(f"SELECT DISTINCT model_version FROM {stream.predictions_table}").fetchall() == [(good,)]
