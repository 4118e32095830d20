"""Forwards MLflow's webhooks as GitHub repository dispatches."""
