"""`python -m landfall.stack.mlflow_tables`: makes or migrates MLflow's tables, before several tasks try it at once."""

import os
import sys

from landfall.errors import StackError
from landfall.stack.revisions import MLFLOW, revision_at


def main() -> None:
    """Makes the tables in an empty database; runs MLflow's own upgrade on tables of an older version."""
    from mlflow.store.db.utils import _upgrade_db, create_sqlalchemy_engine_with_retry
    from mlflow.store.tracking.sqlalchemy_store import SqlAlchemyStore

    url = os.environ["MLFLOW_TRACKING_URI"]
    if MLFLOW.is_due(url) and revision_at(MLFLOW.name, url):
        _upgrade_db(
            create_sqlalchemy_engine_with_retry(url)
        )  # what `mlflow db upgrade` does, with no URL on a command line
    SqlAlchemyStore(url, os.environ["LANDFALL_MLFLOW_ARTIFACTS"])


if __name__ == "__main__":
    try:
        main()
    except StackError as error:
        sys.exit(str(error))
