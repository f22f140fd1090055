"""The verbs of a DAG file."""

from landfall.orchestration.frames import audit_dag, partitioned_dag, table_model_dag, training_dag
from landfall.orchestration.steps.alert import send_alerts
from landfall.orchestration.steps.approve import approve
from landfall.orchestration.steps.audit import audit_landings, start_runs
from landfall.orchestration.steps.decide import decide
from landfall.orchestration.steps.deploy_model import deploy, deployment_dag, rescore
from landfall.orchestration.steps.judge import judge
from landfall.orchestration.steps.make_features import make_features
from landfall.orchestration.steps.promote import find_stale, promote
from landfall.orchestration.steps.publish import publish_errors, publish_predictions, publish_rows
from landfall.orchestration.steps.stream import run_stream, stream_dag
from landfall.orchestration.steps.train import collect_features, train
from landfall.orchestration.steps.train_rows import land_rows, train_rows
from landfall.orchestration.steps.wait_for_landing import wait_for_landing

__all__ = [
    "approve",
    "audit_dag",
    "audit_landings",
    "collect_features",
    "decide",
    "deploy",
    "deployment_dag",
    "find_stale",
    "judge",
    "land_rows",
    "make_features",
    "partitioned_dag",
    "promote",
    "publish_errors",
    "publish_predictions",
    "publish_rows",
    "rescore",
    "run_stream",
    "send_alerts",
    "start_runs",
    "stream_dag",
    "table_model_dag",
    "train",
    "train_rows",
    "training_dag",
    "wait_for_landing",
]
