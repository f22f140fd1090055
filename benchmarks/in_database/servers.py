"""The peers that are servers: MLflow's model server and a FastAPI app, each on a free port of 127.0.0.1 while it is measured.

Each is a process group of its own, ended by its number, also when the benchmark fails. One worker, the default of both.
"""

import os
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from copy import copy
from pathlib import Path
from typing import Any

import httpx
import numpy as np
from in_database.models import CASES, fitted, sample

Rows = list[list[float]]
Call = Callable[[Rows], list[Any]]
"""Rows in, predictions out."""
HERE = Path(__file__).parent
PATIENCE = 90
TREES = ["sklearn.tree._tree.Tree"]
"""What MLflow wants to be told that it may load: the models are our own."""


@contextmanager
def mlflow_server(name: str, *, signed: bool) -> Iterator[Call]:
    """`mlflow models serve` of the model as `mlflow.sklearn.log_model` keeps it, in a store that is thrown away.

    The answer has the predictions only. `signed`: the model has a signature with the names of its columns, as a registered
    model has, and rows go in as `dataframe_split`; else they go in as `inputs`, the quickest of its formats.
    """
    columns = CASES[name].columns
    with tempfile.TemporaryDirectory() as folder:
        uri, port = logged(name, Path(folder), signed=signed), _free_port()
        told = ["models", "serve", "-m", uri, "--env-manager", "local", "-h", "127.0.0.1", "-p", str(port)]
        command = [str(Path(sys.executable).with_name("mlflow")), *told]
        variables = {"MLFLOW_TRACKING_URI": _store(Path(folder)), "MLFLOW_DISABLE_TELEMETRY": "true"}

        def body(rows: Rows) -> Any:
            return {"dataframe_split": {"columns": columns, "data": rows}} if signed else {"inputs": rows}

        with _running(command, variables, Path(folder) / "mlflow.log"), _client(port) as client:
            yield lambda rows: _asked(client, "/invocations", body(rows))["predictions"]


@contextmanager
def fastapi(name: str) -> Iterator[tuple[Call, Callable[[], object]]]:
    """The app under uvicorn: rows in; and a call of nothing."""
    import joblib

    with tempfile.TemporaryDirectory() as folder:
        port, path = _free_port(), Path(folder) / "model.joblib"
        joblib.dump(fitted(name), path)
        told = ["--app-dir", str(HERE), "app:app", "--host", "127.0.0.1", "--port", str(port), "--no-access-log"]
        command = [sys.executable, "-m", "uvicorn", *told]
        with _running(command, {"IN_DATABASE_MODEL": str(path)}, Path(folder) / "app.log"), _client(port) as client:
            yield (
                lambda rows: _asked(client, "/predict", rows)["predictions"],
                lambda: client.get("/ping").raise_for_status(),
            )


def check(name: str, call: Call, values: np.ndarray) -> None:
    """Ends the benchmark if a server does not say what scikit-learn says."""
    if not np.array_equal(np.asarray(call(values.tolist())), fitted(name).predict(values)):
        raise SystemExit(f"a server of `{name}` and scikit-learn differ")


def _store(folder: Path) -> str:
    return f"sqlite:///{folder / 'mlflow.db'}"


def logged(name: str, folder: Path, *, signed: bool) -> str:
    """The folder that MLflow keeps the model in."""
    import mlflow
    import pandas as pd

    model, signature = copy(fitted(name)), None
    if signed:
        rows = pd.DataFrame(sample(name, 10), columns=list(CASES[name].columns))
        signature = mlflow.models.infer_signature(rows, model.predict(rows.to_numpy()))
        model.feature_names_in_ = rows.columns.to_numpy(
            dtype=object
        )  # as after a fit on a table: no warning at each call
    mlflow.set_tracking_uri(_store(folder))
    experiment = mlflow.create_experiment("in_database", artifact_location=(folder / "artifacts").as_uri())
    with mlflow.start_run(experiment_id=experiment):
        logged = mlflow.sklearn.log_model(
            model,
            name="model",
            signature=signature,
            pip_requirements=["scikit-learn"],
            skops_trusted_types=TREES,
        )
    return str(mlflow.artifacts.download_artifacts(logged.model_uri))


def _free_port() -> int:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        return int(taken.getsockname()[1])


@contextmanager
def _running(command: list[str], variables: Mapping[str, str], log: Path) -> Iterator[None]:
    beside = f"{Path(sys.executable).parent}:{os.environ['PATH']}"  # MLflow starts `uvicorn` by its name
    environment = {**os.environ, "PATH": beside, **variables}
    with log.open("w") as out:
        process = subprocess.Popen(
            command, env=environment, stdout=out, stderr=subprocess.STDOUT, start_new_session=True
        )
    try:
        yield
    except BaseException:
        print(log.read_text()[-2000:], file=sys.stderr)
        raise
    finally:
        os.killpg(process.pid, signal.SIGTERM)
        try:
            process.wait(10)
        except subprocess.TimeoutExpired:
            os.killpg(process.pid, signal.SIGKILL)
            process.wait()


@contextmanager
def _client(port: int) -> Iterator[httpx.Client]:
    """A client that keeps its connection, once the server answers."""
    until = time.monotonic() + PATIENCE
    with httpx.Client(base_url=f"http://127.0.0.1:{port}", timeout=60, trust_env=False) as client:
        while True:
            try:
                if client.get("/ping").is_success:
                    break
            except httpx.TransportError:
                pass
            if time.monotonic() > until:
                raise SystemExit(f"no server answers on port {port} after {PATIENCE} s")
            time.sleep(0.2)
        yield client


def _asked(client: httpx.Client, path: str, body: Any) -> Any:
    answer = client.post(path, json=body)
    answer.raise_for_status()
    return answer.json()
