"""The way to MLflow: content keys, what to publish, the gate, the publisher. Nothing else here imports mlflow."""
