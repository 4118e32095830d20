"""The file of secrets: random, its owner's alone, kept."""

import pytest

from dlnet.cli import main
from dlnet.registry.server import Settings, running
from dlnet.registry.server_env import NAMES, ServerError, make_env, read_env


def test_secrets_are_long_random_and_the_owner_s_alone(tmp_path):
    one, other = tmp_path / "a.env", tmp_path / "b.env"
    make_env(one)
    make_env(other)
    first, second = read_env(one), read_env(other)
    assert one.stat().st_mode & 0o777 == 0o600
    same = {name for name in NAMES if first[name] == second[name]}
    assert same == {"MLFLOW_AUTH_ADMIN_USERNAME"}
    assert min(len(first[name]) for name in NAMES if name not in same) >= 16


def test_the_key_of_webhooks_is_one_that_mlflow_takes(tmp_path):
    from cryptography.fernet import Fernet

    make_env(tmp_path / "a.env")
    key = Fernet(read_env(tmp_path / "a.env")["MLFLOW_WEBHOOK_SECRET_ENCRYPTION_KEY"])
    assert key.decrypt(key.encrypt(b"x")) == b"x"


def test_secrets_are_never_made_again(tmp_path, capsys):
    assert main(["server", "env", "--home", str(tmp_path)]) == 0
    before = (tmp_path / "server.env").read_bytes()
    assert main(["server", "env", "--home", str(tmp_path)]) == 1
    assert "exists" in capsys.readouterr().err
    assert (tmp_path / "server.env").read_bytes() == before


def test_a_file_that_others_may_read_is_refused(tmp_path):
    make_env(tmp_path / "a.env")
    (tmp_path / "a.env").chmod(0o640)
    with pytest.raises(ServerError, match="chmod 600"):
        read_env(tmp_path / "a.env")


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (lambda text: text.replace("POSTGRES_PASSWORD", "OTHER"), "holds no POSTGRES_PASSWORD"),
        (lambda text: text + "A='quoted'\n", "a.env:9: not a line NAME=value"),
    ],
)
def test_a_broken_file_is_named_with_its_place(tmp_path, change, words):
    make_env(tmp_path / "a.env")
    text = change((tmp_path / "a.env").read_text())
    (tmp_path / "a.env").write_text(text)
    with pytest.raises(ServerError, match=words):
        read_env(tmp_path / "a.env")


def test_a_server_without_secrets_says_how_to_make_them(tmp_path):
    with pytest.raises(ServerError, match="dlnet server env"), running(Settings(home=tmp_path)):
        pass


def test_a_home_keeps_its_kind_of_database(tmp_path):
    (tmp_path / "mlflow.db").touch()
    assert Settings(home=tmp_path).chosen() == "sqlite"
    with pytest.raises(ServerError, match="holds a sqlite database"):
        Settings(home=tmp_path, store="postgres").chosen()
