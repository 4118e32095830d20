"""docker/arduino-cli.sh: what it installs is what docker/arduino-cli.lock names, or nothing."""

import re
import shutil
import subprocess

from stage import PROJECT, archive, lock


def fetch(folder, text):
    """Run the script in a folder with this lock; the finished process."""
    (folder / "docker").mkdir()
    shutil.copy(PROJECT / "docker/arduino-cli.sh", folder / "docker")
    (folder / "docker/arduino-cli.lock").write_text(text)
    environment = {"PATH": "/usr/bin:/bin", "GITHUB_PATH": str(folder / "path")}
    command = ["sh", "docker/arduino-cli.sh"]
    return subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True, check=False)


def test_an_archive_with_the_right_sha256_is_installed_and_found_by_later_steps(tmp_path):
    done = fetch(tmp_path, lock(archive(tmp_path / "release")))
    assert done.returncode == 0, done.stderr
    assert (tmp_path / "path").read_text() == f"{tmp_path}/.arduino/bin\n"
    assert (tmp_path / ".arduino/bin/arduino-cli").read_text().startswith("#!/bin/sh\nexec ")


def test_an_archive_with_another_sha256_is_not_unpacked(tmp_path):
    done = fetch(tmp_path, lock(archive(tmp_path / "release"), "0" * 64))
    assert done.returncode == 1
    assert done.stderr.endswith("its SHA-256 is not that of docker/arduino-cli.lock; nothing was installed\n")
    assert not (tmp_path / ".arduino").exists()
    assert not (tmp_path / "path").exists()


def test_an_archive_that_cannot_be_fetched_is_named(tmp_path):
    file = archive(tmp_path / "release")
    text = lock(file)
    file.unlink()
    done = fetch(tmp_path, text)
    assert done.returncode == 1
    assert f"error: {file.as_uri()}: not fetched" in done.stderr
    assert not (tmp_path / ".arduino").exists()


def test_the_lock_names_one_archive_by_version_address_and_sha256():
    lines = (PROJECT / "docker/arduino-cli.lock").read_text().splitlines()
    values = dict(line.split("=", 1) for line in lines if not line.startswith("#"))
    assert sorted(values) == ["sha256", "url", "version"]
    base = "https://github.com/arduino/arduino-cli/releases/download"
    name = f"arduino-cli_{values['version']}_Linux_64bit.tar.gz"
    assert values["url"] == f"{base}/v{values['version']}/{name}"
    assert re.fullmatch("[0-9a-f]{64}", values["sha256"])
