"""The verbs of a DAG file."""

from landfall.orchestration.check_contract import check_contract
from landfall.orchestration.make_features import make_features
from landfall.orchestration.partitioned_dag import audit_dag, partitioned_dag, training_dag
from landfall.orchestration.publish import publish
from landfall.orchestration.stage import measure_errors, score
from landfall.orchestration.train import collect_features, promote, train
from landfall.orchestration.wait_for_landing import wait_for_landing

__all__ = [
    "audit_dag",
    "check_contract",
    "collect_features",
    "make_features",
    "measure_errors",
    "partitioned_dag",
    "promote",
    "publish",
    "score",
    "train",
    "training_dag",
    "wait_for_landing",
]
