"""Models: the MLflow registry, what is kept beside a model, and which versions this project made itself."""
