"""All that a registry holds, without the ids, times and places that differ from one to the next."""

from __future__ import annotations

PASSING = ("mlflow.user", "mlflow.source", "mlflow.parentRunId", "mlflow.modelVersions", "mlflow.runName")


def content(client) -> dict:
    """Experiments, runs, logged models and registered models, comparable between registries."""
    experiments = [e for e in client.search_experiments() if e.name != "Default"]
    ids = [e.experiment_id for e in experiments]
    runs = {r.info.run_id: r for r in client.search_runs(ids, max_results=1000)} if ids else {}
    models = client.search_logged_models(ids) if ids else []
    keys = {m.model_id: m.tags["dlnet.key"] for m in models}
    return {
        "experiments": sorted(e.name for e in experiments),
        "runs": sorted((_run(client, run, runs, keys) for run in runs.values()), key=str),
        "models": sorted((_model(client, m) for m in models), key=str),
        "registered": {m.name: _registered(client, m, keys) for m in client.search_registered_models()},
    }


def _tags(tags: dict) -> dict:
    return {key: value for key, value in tags.items() if not key.startswith(PASSING)}


def _run(client, run, runs, keys) -> dict:
    parent = runs.get(run.data.tags.get("mlflow.parentRunId"))
    histories = {key: client.get_metric_history(run.info.run_id, key) for key in run.data.metrics}
    return {
        "title": run.info.run_name,
        "status": run.info.status,
        "parent": parent.data.tags["dlnet.key"] if parent else None,
        "tags": _tags(run.data.tags),
        "params": run.data.params,
        "metrics": {key: [(m.step, str(m.value)) for m in points] for key, points in histories.items()},
        "data": sorted((d.dataset.name, d.dataset.digest, d.dataset.source) for d in run.inputs.dataset_inputs),
        "outputs": sorted(keys[o.model_id] for o in run.outputs.model_outputs),
        "files": listed(lambda path: client.list_artifacts(run.info.run_id, path)),
    }


def _model(client, model) -> dict:
    metrics = sorted((m.key, m.value, m.dataset_name) for m in model.metrics or [])
    names = listed(lambda path: client.list_logged_model_artifacts(model.model_id, path))
    return {
        "name": model.name,
        "status": str(model.status),
        "tags": _tags(model.tags),
        "metrics": metrics,
        "files": [name for name in names if "MLmodel" not in name],  # it holds ids and times
    }


def _registered(client, model, keys) -> dict:
    versions = sorted(client.search_model_versions(f"name = '{model.name}'"), key=lambda v: int(v.version))
    return {
        "description": model.description,
        "aliases": {alias: int(version) for alias, version in model.aliases.items()},
        "versions": [
            (int(v.version), v.tags, v.description, keys[v.source.removeprefix("models:/")]) for v in versions
        ],
    }


def listed(look, path: str | None = None) -> dict[str, int]:
    """Name -> size of all files that ``look`` (path -> entries of one folder) knows of."""
    found = {}
    for entry in look(path):
        found |= listed(look, entry.path) if entry.is_dir else {entry.path: entry.file_size}
    return found
