"""The verbs of a DAG file."""

from landfall.orchestration.approve import approve
from landfall.orchestration.audit import audit_landings, start_runs
from landfall.orchestration.check_contract import check_contract
from landfall.orchestration.decide import decide
from landfall.orchestration.judge import judge
from landfall.orchestration.make_features import make_features
from landfall.orchestration.partitioned_dag import audit_dag, partitioned_dag, training_dag
from landfall.orchestration.promote import find_stale, promote
from landfall.orchestration.publish import publish
from landfall.orchestration.stage import measure_errors, score
from landfall.orchestration.train import collect_features, train
from landfall.orchestration.wait_for_landing import wait_for_landing

__all__ = [
    "approve",
    "audit_dag",
    "audit_landings",
    "check_contract",
    "collect_features",
    "decide",
    "find_stale",
    "judge",
    "make_features",
    "measure_errors",
    "partitioned_dag",
    "promote",
    "publish",
    "score",
    "start_runs",
    "train",
    "training_dag",
    "wait_for_landing",
]
