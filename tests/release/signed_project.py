"""A project that signs: a registry with a signed champion, its publisher committed, and a bundle made there."""

import shutil
from pathlib import Path

import pytest
from made_pipeline import make

from dlnet.cli import main
from dlnet.registry.client import connect
from dlnet.registry.collect import collect
from dlnet.registry.publish import publish
from dlnet.registry.signature import new_key, public_pem


@pytest.fixture(scope="session")
def keys(tmp_path_factory):
    folder = tmp_path_factory.mktemp("keys")
    return [new_key(folder / f"{name}.pem") for name in ("own", "other")]


@pytest.fixture(scope="session")
def once(migrated, keys, tmp_path_factory):
    """A registry with a signed champion, in a project that has its publisher committed; and a bundle, made there."""
    root = tmp_path_factory.mktemp("once")
    shutil.copy(migrated, root / "mlflow.db")
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(root)
        patch.delenv("MLFLOW_TRACKING_URI", raising=False)
        patch.setenv("DLNET_SIGNING_KEY", private(keys[0]))
        commit(keys[0])
        client = connect()
        publish(collect(make(root / "made")), client, signer=keys[0])
        client.set_registered_model_alias("dlnet-edge", "champion", "1")
        shutil.copy("mlflow.db", "before.db")
        assert main(["release", "bundle", "--claim", "a", "--out", "bundle.tar"]) == 0
        client._tracking_client.store.engine.dispose()
    return root


@pytest.fixture
def project(once, keys, tmp_path, monkeypatch):
    """A project without a registry, that has the publisher committed."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("MLFLOW_TRACKING_URI", "http://127.0.0.1:9")  # nothing answers there
    monkeypatch.setenv("DLNET_SIGNING_KEY", private(keys[0]))
    commit(keys[0])
    return tmp_path


@pytest.fixture
def bundle(project, once):
    shutil.copy(once / "bundle.tar", "bundle.tar")
    return Path("bundle.tar")


@pytest.fixture
def signed(once, project, monkeypatch):
    """The same project with a registry of its own, as before the claim; its files are shared."""
    monkeypatch.delenv("MLFLOW_TRACKING_URI")
    shutil.copy(once / "before.db", "mlflow.db")
    return project


def private(key):
    from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

    return key.private.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()).decode()


def commit(*known) -> None:
    Path("mlflow").mkdir(exist_ok=True)
    Path("mlflow/publishers.pem").write_text("".join(map(public_pem, known)))
