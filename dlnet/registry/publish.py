"""Logs a publication to MLflow without duplicates: every object is looked up by its content key before it is created.

After an interruption the next call finds what exists and adds the rest: a run counts as complete only when it is
FINISHED, a logged model only when it is READY and its files are there unchanged, and metrics carry the run's own start
time, so that logging them again changes nothing. What others deleted is restored, or made again where MLflow cannot.
"""

from __future__ import annotations

import json
import shutil
import tempfile
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from itertools import zip_longest
from pathlib import Path
from typing import TYPE_CHECKING, Any

from tqdm import tqdm

from dlnet.registry.client import artefact_root, registry_errors, set_alias, tracking_uri
from dlnet.registry.healing import Healer
from dlnet.registry.lock import publishing
from dlnet.registry.models import save_model
from dlnet.registry.names import CANDIDATE, KEY, LABEL, NOTE, SOURCE, plain
from dlnet.registry.pointers import ACTIVE, LOGGED, existing_model
from dlnet.registry.publication import Data, Model, Publication, RunRecord, table_json
from dlnet.registry.signature import Signer, check_publisher, publishers
from dlnet.registry.signing import Signing, results
from dlnet.registry.statement import result_tags

if TYPE_CHECKING:
    from mlflow import MlflowClient
    from mlflow.entities import LoggedModel
    from mlflow.entities import Run as LoggedRun
    from mlflow.entities.model_registry import ModelVersion

RUN_SOURCE = "mlflow.source.name"
EXPERIMENT = {"mlflow.experimentKind": "custom_model_development"}  # so that the UI opens it as runs, not as traces
PARENT = "mlflow.parentRunId"
TABLES = "mlflow.loggedArtifacts"  # the tag by which the UI finds tables
VERSIONS = "mlflow.modelVersions"  # the tag by which a logged model's page finds its versions
VALUES, PARAMS = 900, 100  # in one log_batch; MLflow takes at most 1000 entries, 100 of them params
PARAM_LENGTH = 6000


def publish(
    publication: Publication, client: MlflowClient, uri: str | None = None, signer: Signer | None = None
) -> list[str]:
    """Log ``publication``: what exists already is not changed, what is missing is added.

    Args:
        signer: signs each version; without one they are not signed.

    Returns:
        One line for each thing that was restored or made again because it had been deleted, then one for each alias
        ``candidate`` that moved to a version made from other data.

    Raises:
        SignatureError: publishers are committed, and the signer is none of them; nothing was logged.
        RegistryError: the registry does not answer or refuses; what was logged so far stays and is not repeated.

    Concurrent calls wait for each other.
    """
    uri = uri or tracking_uri()
    check_publisher(signer, publishers())
    with publishing(client, uri), registry_errors(uri):
        return _Publisher(client, uri, publication, signer).run()


class _Publisher:
    def __init__(self, client: MlflowClient, uri: str, publication: Publication, signer: Signer | None) -> None:
        self.client = client
        self.signing = Signing(client, uri, signer) if signer else None
        self.publication = publication
        self.healer = Healer(client, uri)
        self.experiment = self._experiment(publication.experiment, uri)
        self.moves: list[str] = []

    def run(self) -> list[str]:
        parent = self._run(self.publication.pipeline, self.publication.key, None)
        children = self._search(f"tags.`{PARENT}` = '{parent.info.run_id}'")
        known = {_key(run): run for run in reversed(children)}
        with tqdm(total=len(self.publication.children) + 1, desc="publish", unit=" runs") as bar:
            for run in self.publication.children:
                self._child(run, parent.info.run_id, known.get(run.key))
                bar.update()
            self._complete(parent, self.publication.pipeline)
            bar.update()
        return self.healer.said + self.moves

    def _experiment(self, name: str, uri: str) -> str:
        found = self.client.get_experiment_by_name(name)
        if found is None:
            return str(self.client.create_experiment(name, artefact_root(name, uri), EXPERIMENT))
        self.healer.experiment(found)
        return str(found.experiment_id)

    def _child(self, run: RunRecord, parent: str, logged: LoggedRun | None) -> None:
        logged = self.healer.run(logged) if logged else self._create(run, run.key, parent)
        if run.model:
            model = self._model(run.model, logged)
            self._link(logged, model)
            self._complete(logged, run, model.model_id)
            self._version(run.model, model, logged)
        else:
            self._complete(logged, run)

    def _run(self, run: RunRecord, key: str, parent: str | None) -> LoggedRun:
        found = self._search(f"tags.`{KEY}` = '{key}'")
        return self.healer.run(found[0]) if found else self._create(run, key, parent)

    def _create(self, run: RunRecord, key: str, parent: str | None) -> LoggedRun:
        tags = {KEY: key, RUN_SOURCE: "stages.publish", "dlnet.kind": run.kind, "dlnet.name": run.name}
        tags |= {**self.publication.lineage, **run.tags}
        if parent:
            tags[PARENT] = parent
        if run.tables:
            tags[TABLES] = json.dumps([{"path": path, "type": "table"} for path in sorted(run.tables)])
        return self.client.create_run(self.experiment, run_name=run.title, tags=tags)

    def _complete(self, logged: LoggedRun, run: RunRecord, model_id: str | None = None) -> None:
        """Log everything of a run whose status is not FINISHED; files also of one that was deleted until now."""
        finished = logged.info.status == "FINISHED"
        if finished and logged.info.run_id not in self.healer.restored:
            return
        if not finished:
            self.client.log_inputs(logged.info.run_id, datasets=[_dataset_input(self.publication.data, run.kind)])
            self._log_values(logged, run, model_id)
        with _staged(run) as folder:
            self.client.log_artifacts(logged.info.run_id, str(folder))
        if not finished:
            self.client.set_terminated(logged.info.run_id)

    def _log_values(self, logged: LoggedRun, run: RunRecord, model_id: str | None) -> None:
        from mlflow.entities import Metric, Param

        time = logged.info.start_time
        model_fields = {"model_id": model_id, **self._dataset_of(model_id)}
        metrics = [Metric(name, value, time, 0, **model_fields) for name, value in run.metrics.items()]
        metrics += [Metric(name, value, time, step) for name, curve in run.curves.items() for step, value in curve]
        params = [Param(name, value[:PARAM_LENGTH]) for name, value in run.params.items()]
        for param_chunk, metric_chunk in zip_longest(_chunks(params, PARAMS), _chunks(metrics, VALUES)):
            self.client.log_batch(logged.info.run_id, params=param_chunk or (), metrics=metric_chunk or ())

    def _dataset_of(self, model_id: str | None) -> dict[str, str]:
        data = self.publication.data
        return {"dataset_name": data.name, "dataset_digest": data.digest} if model_id else {}

    def _model(self, model: Model, run: LoggedRun) -> LoggedModel:
        """The logged model of this content; created if there is none, completed if it is not whole."""
        from mlflow.entities import LoggedModelStatus

        for logged in self._logged_models(model):
            state = self.healer.state(model, logged)
            if state == "foreign" or not self.healer.exists(logged.source_run_id):
                continue
            if logged.status == LoggedModelStatus.READY and state == "whole":
                return logged
            if logged.status == LoggedModelStatus.READY:
                self.healer.said.append(f"{model.name}: files of {logged.model_id} were missing or changed: uploaded")
            return self._upload(model, logged)
        tags = {KEY: model.key, **_hashes(model), **self.publication.lineage}
        return self._upload(
            model,
            self.client.create_logged_model(self.experiment, name=model.name, source_run_id=run.info.run_id, tags=tags),
        )

    def _logged_models(self, model: Model) -> Iterator[LoggedModel]:
        """Logged models of this content: first those of registered versions, then others of this experiment."""
        sources = (LOGGED.fullmatch(version.source or "") for version in self._same(model))
        named = [existing_model(self.client, source[1]) for source in sources if source]
        others = self.client.search_logged_models([self.experiment], filter_string=f"tags.`{KEY}` = '{model.key}'")
        unique = {logged.model_id: logged for logged in (*named, *others) if logged}
        yield from (
            logged for logged in unique.values() if (logged.name, logged.tags.get(KEY)) == (model.name, model.key)
        )

    def _upload(self, model: Model, logged: LoggedModel) -> LoggedModel:
        from mlflow.entities import LoggedModelStatus

        with tempfile.TemporaryDirectory() as folder:
            path = Path(folder) / "model"
            save_model(model, path, model_id=logged.model_id, run_id=str(logged.source_run_id))
            self.client.log_model_artifacts(logged.model_id, str(path))
        return self.client.finalize_logged_model(logged.model_id, LoggedModelStatus.READY)

    def _link(self, run: LoggedRun, model: LoggedModel) -> None:
        from mlflow.entities import LoggedModelOutput

        outputs = run.outputs.model_outputs if run.outputs else []
        if model.model_id not in {output.model_id for output in outputs}:
            self.client.log_outputs(run.info.run_id, [LoggedModelOutput(model.model_id, 0)])

    def _version(self, model: Model, logged: LoggedModel, run: LoggedRun) -> None:
        self._registered(model)
        same = self._same(model)
        source = f"models:/{logged.model_id}"
        version = next((one for one in same if one.source == source and self.healer.exists(one.run_id)), None)
        if version is None:
            lineage = {
                KEY: model.key,
                **_hashes(model),
                **self.publication.lineage,
                **result_tags(*results(model)),
            }
            version = self.client.create_model_version(
                model.name,
                source=source,
                run_id=run.info.run_id,
                tags=lineage,
                description=model.description,
                model_id=logged.model_id,
            )
            if same:
                lost = f"version {same[0].version} points to what was deleted in MLflow"
                self.healer.said.append(f"{model.name}: {lost}: version {version.version} is the same model")
        self._backlink(logged, version)
        self._name_data(version)
        if self.signing:  # before the alias: what has it can be read
            self.signing.sign(model, self.publication.lineage, version, logged)
        self._update_gate(model, version)

    def _registered(self, model: Model) -> None:
        if not self.client.search_registered_models(f"name = '{model.name}'"):
            self.client.create_registered_model(model.name, description=model.about)

    def _same(self, model: Model) -> list[ModelVersion]:
        """The versions of this content, the newest first."""
        versions = _pages(self.client.search_model_versions, f"name = '{model.name}'")
        same = [version for version in versions if version.tags.get(KEY) == model.key]
        return sorted(same, key=lambda version: int(version.version), reverse=True)

    def _backlink(self, logged: LoggedModel, version: ModelVersion) -> None:
        entry = {"name": version.name, "version": int(version.version)}
        if json.dumps(entry) not in logged.tags.get(VERSIONS, ""):
            self.client.set_logged_model_tags(logged.model_id, {VERSIONS: json.dumps([entry])})

    def _name_data(self, version: ModelVersion) -> None:
        """Add source and label to a version that was published without them."""
        for key in (SOURCE, LABEL):
            if key in self.publication.lineage and key not in version.tags:
                self.client.set_model_version_tag(version.name, version.version, key, self.publication.lineage[key])

    def _update_gate(self, model: Model, version: ModelVersion) -> None:
        """Update the gate's tags and the alias of a version; an alias that is correct is not set again."""
        if model.verdict is None:
            return
        holder = self.client.get_registered_model(model.name).aliases.get(CANDIDATE)
        is_holder = holder is not None and int(holder) == int(version.version)
        note = self._move(version, holder) if model.passed and not is_holder else None
        for name, value in {**result_tags(*results(model)), **({NOTE: note} if note else {})}.items():
            if version.tags.get(name) != value:
                self.client.set_model_version_tag(model.name, version.version, name, value)
        card = _card(model, note or version.tags.get(NOTE))
        if version.description != card:  # it contains the gate's results and the note
            self.client.update_model_version(model.name, version.version, card)
        if model.passed and not is_holder:
            set_alias(self.client, model.name, CANDIDATE, version.version)
        self.moves += [f"{model.name}: {note}"] if note else []
        if is_holder and not model.passed:
            set_alias(self.client, model.name, CANDIDATE, None)

    def _move(self, version: ModelVersion, holder: str | int | None) -> str | None:
        """What to say when a version takes the alias from one made from other data; None if there is nothing to say."""
        if holder is None:
            return None
        before, after = self.client.get_model_version(version.name, str(holder)).tags, self.publication.lineage
        if all(before.get(key) == after.get(key) for key in (SOURCE, LABEL)):
            return None
        words = (_data_words(before, after), _data_words(after, before))
        return f"candidate was version {holder} ({words[0]}); now version {version.version} ({words[1]})"

    def _search(self, filter_string: str) -> list[LoggedRun]:
        """Runs of the experiment; after them those that are marked as deleted."""
        from mlflow.entities import ViewType

        runs = _pages(self.client.search_runs, [self.experiment], filter_string, ViewType.ALL)
        return sorted(runs, key=lambda run: run.info.lifecycle_stage != ACTIVE)


def _dataset_input(data: Data, kind: str) -> Any:
    from mlflow.data.code_dataset_source import CodeDatasetSource
    from mlflow.entities import Dataset, DatasetInput, InputTag

    source = json.dumps(CodeDatasetSource(dict(data.source)).to_dict())
    entity = Dataset(data.name, data.digest, "code", source, profile=json.dumps(dict(data.profile)))
    context = "evaluation" if kind in ("edge", "baseline") else "training"
    return DatasetInput(entity, [InputTag("mlflow.data.context", context)])


def _hashes(model: Model) -> dict[str, str]:
    return {f"dlnet.sha256.{name}": value for name, value in model.sha256.items()}


def _data_words(tags: Mapping[str, str], other: Mapping[str, str]) -> str:
    """The label of a version's data, and its source too where both labels are the same."""
    label, source = (plain(tags.get(key, "")) for key in (LABEL, SOURCE))
    if not label:
        return "data not recorded"
    return label if label != plain(other.get(LABEL, "")) else f"{label}, source {source or 'not recorded'}"


def _card(model: Model, note: str | None) -> str:
    """The description of a version: its model card, then where it took the alias ``candidate`` from."""
    return f"{model.description}\n\n{plain(note)}" if note else model.description


@contextmanager
def _staged(run: RunRecord) -> Iterator[Path]:
    """A folder with all artefacts of a run, so that one call uploads them."""
    with tempfile.TemporaryDirectory() as temporary:
        folder = Path(temporary)
        for name, path in {**run.files, **run.volatile}.items():
            (folder / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(path, folder / name)
        texts = {**run.texts, **run.views} | {name: table_json(table) for name, table in run.tables.items()}
        for name, text in texts.items():
            (folder / name).parent.mkdir(parents=True, exist_ok=True)
            (folder / name).write_text(text)
        yield folder


def _key(run: LoggedRun) -> str:
    return str(run.data.tags.get(KEY, ""))


def _chunks(items: list[Any], size: int) -> Iterator[list[Any]]:
    for start in range(0, len(items), size):
        yield items[start : start + size]


def _pages(search: Any, *arguments: Any) -> Iterable[Any]:
    page = search(*arguments)
    yield from page
    while page.token:
        page = search(*arguments, page_token=page.token)
        yield from page
