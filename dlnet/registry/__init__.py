"""The model registry: publish to MLflow, fetch from it. Only this room imports mlflow."""
