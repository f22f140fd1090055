"""`python -m landfall.stack.mlflow_tables`: MLflow's tables, made before several tasks would try it at once."""

import os


def main() -> None:
    from mlflow.store.tracking.sqlalchemy_store import SqlAlchemyStore

    SqlAlchemyStore(os.environ["MLFLOW_TRACKING_URI"], os.environ["LANDFALL_MLFLOW_ARTIFACTS"])


if __name__ == "__main__":
    main()
