"""The plain alternative: a scikit-learn model behind FastAPI. Environment: IN_DATABASE_MODEL, a file of joblib's.

A handler that is `async` saves the hand-over to a thread: the quicker way for one client at a time.
"""

import os
from typing import Any

import joblib
from fastapi import FastAPI

app = FastAPI()
model: Any = joblib.load(os.environ["IN_DATABASE_MODEL"])  # written by `servers.fastapi`, moments ago


@app.get("/ping")
async def ping() -> dict[str, str]:
    """Nothing: what a call costs without a model."""
    return {}


@app.post("/predict")
async def predict(rows: list[list[float]]) -> dict[str, list[Any]]:
    """Predictions, and the probabilities if there are any: the trees are walked once."""
    if not hasattr(model, "predict_proba"):
        return {"predictions": model.predict(rows).tolist()}
    shares = model.predict_proba(rows)
    return {"predictions": model.classes_[shares.argmax(axis=1)].tolist(), "probabilities": shares.tolist()}
