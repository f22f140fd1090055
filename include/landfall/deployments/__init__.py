"""In-database scoring: a model is deployed to a table, and each row that is inserted there has its prediction at once."""

from landfall.deployments.deploy import deploy
from landfall.deployments.history import Deployed, Span, deployed, deployments, history, scored_at
from landfall.deployments.names import TableName
from landfall.deployments.request import After, Create, Request
from landfall.deployments.rescore import Rescored, rescore
from landfall.deployments.version import Registered
from landfall.deployments.withdraw import roll_back, undeploy

__all__ = [
    "After",
    "Create",
    "Deployed",
    "Registered",
    "Request",
    "Rescored",
    "Span",
    "TableName",
    "deploy",
    "deployed",
    "deployments",
    "history",
    "rescore",
    "roll_back",
    "scored_at",
    "undeploy",
]
