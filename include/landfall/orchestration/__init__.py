"""The verbs of a DAG file."""

from landfall.orchestration.approve import approve
from landfall.orchestration.audit import audit_landings, start_runs
from landfall.orchestration.check_contract import check_contract
from landfall.orchestration.decide import decide
from landfall.orchestration.deploy_model import deploy, deployment_dag, rescore
from landfall.orchestration.judge import judge
from landfall.orchestration.make_features import make_features
from landfall.orchestration.partitioned_dag import audit_dag, partitioned_dag, table_model_dag, training_dag
from landfall.orchestration.promote import find_stale, promote
from landfall.orchestration.publish import publish
from landfall.orchestration.stage import measure_errors, score
from landfall.orchestration.train import collect_features, train
from landfall.orchestration.train_rows import land_rows, train_rows
from landfall.orchestration.wait_for_landing import wait_for_landing

__all__ = [
    "approve",
    "audit_dag",
    "audit_landings",
    "check_contract",
    "collect_features",
    "decide",
    "deploy",
    "deployment_dag",
    "find_stale",
    "judge",
    "land_rows",
    "make_features",
    "measure_errors",
    "partitioned_dag",
    "promote",
    "publish",
    "rescore",
    "score",
    "start_runs",
    "table_model_dag",
    "train",
    "train_rows",
    "training_dag",
    "wait_for_landing",
]
