"""The MLmodel file beside a Spark model, so that plain MLflow loads it."""

import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from mlflow import MlflowClient


def describe(client: "MlflowClient", run_id: str, report: dict[str, Any]) -> None:
    """Write MLmodel and requirements.txt next to the PipelineModel in `sparkml`; they are small, Spark wrote the rest.

    Flavors: `spark` (a PipelineModel) and `python_function` through `mlflow.spark`. The signature has every feature as a
    number and the prediction as a double.
    """
    import pyspark
    from mlflow import pyfunc
    from mlflow.models import Model
    from mlflow.models.signature import ModelSignature
    from mlflow.types.schema import ColSpec, Schema

    inputs = Schema([ColSpec("double", name) for name in report["features"]])
    signature = ModelSignature(inputs=inputs, outputs=Schema([ColSpec("double", "prediction")]))
    model = Model(artifact_path="model", run_id=run_id, signature=signature)
    model.add_flavor("spark", pyspark_version=pyspark.__version__, model_data="sparkml", code=None)
    pyfunc.add_to_model(model, loader_module="mlflow.spark", data="sparkml")
    with tempfile.TemporaryDirectory() as folder:
        model.save(str(Path(folder, "MLmodel")))
        Path(folder, "requirements.txt").write_text(f"mlflow\npyspark=={pyspark.__version__}\n")
        client.log_artifacts(run_id, folder, "model")
