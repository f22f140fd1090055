"""In-database scoring: a model deployed to a table, so that a row that is inserted has its prediction at once."""

from landfall.deployments.deploy import deploy
from landfall.deployments.deployment import After, Create, Deployment
from landfall.deployments.history import Deployed, Span, deployed, deployments, history, scored_at
from landfall.deployments.names import TableName
from landfall.deployments.rescore import Rescored, rescore
from landfall.deployments.withdraw import roll_back, undeploy

__all__ = [
    "After",
    "Create",
    "Deployed",
    "Deployment",
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
