"""Models: the MLflow registry, and which version serves."""
