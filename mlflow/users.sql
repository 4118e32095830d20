-- Run once, when PostgreSQL is initialised: a separate database for MLflow's users and passwords.
CREATE DATABASE mlflow_auth;
