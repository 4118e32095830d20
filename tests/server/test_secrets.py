"""The file of secrets: random, its owner's alone, kept."""

import pytest
from cryptography.fernet import Fernet
from team import call

from dlnet.cli import main
from dlnet.registry.server_env import ADMIN, NAMES, WEBHOOK_KEY, make_env


def secrets_in(path):
    return dict(line.split("=", 1) for line in path.read_text().splitlines())


def test_secrets_are_long_random_and_the_owner_s_alone(tmp_path):
    one, other = tmp_path / "a.env", tmp_path / "b.env"
    make_env(one)
    make_env(other)
    first, second = secrets_in(one), secrets_in(other)
    assert one.stat().st_mode & 0o777 == 0o600
    assert {name for name in NAMES if first[name] == second[name]} == {ADMIN}
    assert min(len(first[name]) for name in NAMES if name != ADMIN) >= 43  # 256 bits in base64


def test_the_key_of_webhooks_is_one_that_mlflow_takes(tmp_path):
    make_env(tmp_path / "a.env")
    key = Fernet(secrets_in(tmp_path / "a.env")[WEBHOOK_KEY])
    assert key.decrypt(key.encrypt(b"x")) == b"x"


def test_secrets_are_never_made_again(tmp_path, capsys):
    assert main(["server", "env", "--home", str(tmp_path)]) == 0
    before = (tmp_path / "server.env").read_bytes()
    printed = capsys.readouterr()
    assert main(["server", "env", "--home", str(tmp_path)]) == 1
    assert "exists" in capsys.readouterr().err
    assert (tmp_path / "server.env").read_bytes() == before
    values = [value for name, value in secrets_in(tmp_path / "server.env").items() if name != ADMIN]
    assert not [value for value in values if value in printed.out + printed.err]


def test_secrets_are_looked_for_where_the_caller_stands(tmp_path):
    environment = {"PATH": "/usr/bin:/bin", "DLNET_SERVER_ENV": "mine.env"}
    done = call("compose.sh", "ps", cwd=tmp_path, env=environment)
    assert done.returncode == 1
    assert "error: mine.env: no such file; make it: dlnet server env" in done.stderr
    make_env(tmp_path / "mine.env")
    done = call("compose.sh", "ps", cwd=tmp_path, env=environment)
    assert "mine.env" not in done.stderr  # what may be wrong now is that no engine is there


@pytest.mark.parametrize("mode", [0o640, 0o604])
def test_a_file_that_others_may_read_is_refused(tmp_path, mode):
    make_env(tmp_path / "mine.env")
    (tmp_path / "mine.env").chmod(mode)
    done = call("compose.sh", "ps", env={"PATH": "/usr/bin:/bin", "DLNET_SERVER_ENV": str(tmp_path / "mine.env")})
    assert done.returncode == 1
    assert "others may read it; run chmod 600" in done.stderr
