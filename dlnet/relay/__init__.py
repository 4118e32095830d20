"""MLflow's webhook to GitHub's repository dispatch."""
