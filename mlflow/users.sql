-- Run once, when PostgreSQL makes its data: users and passwords of MLflow live beside its runs.
CREATE DATABASE mlflow_auth;
