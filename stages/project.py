"""What a launcher must know of the stage at hand: from DVC's environment and configuration, and from params.yaml."""

from __future__ import annotations

import configparser
import getpass
import os
from collections.abc import Mapping
from pathlib import Path

from dlnet.config.base import StageConfig
from dlnet.config.data import DataParams
from dlnet.config.runner import LimitParams, RunnerConfig
from dlnet.errors import ConfigError

RUNNER_VARIABLE, NETWORK_VARIABLE, MIRROR_VARIABLE = "DLNET_RUNNER", "DLNET_NETWORK", "DLNET_DATA_MIRROR"
RUNNERS = ("auto", "docker", "local")
SILENCE = ("DO_NOT_TRACK", "MLFLOW_DISABLE_TELEMETRY", "TF_CPP_MIN_LOG_LEVEL")
# By name, not by prefix: variables that begin with DLNET_ or DVC_ may be tokens.
PASSED = ("DVC_STAGE", "DVC_ROOT", "DVC_EXP_NAME", "OMP_NUM_THREADS", "TERM", "COLUMNS", "NO_COLOR", *SILENCE)
CERTIFICATES = ("SSL_CERT_FILE", "SSL_CERT_DIR", "REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE")
PROXIES = ("HTTP_PROXY", "HTTPS_PROXY", "NO_PROXY", "http_proxy", "https_proxy", "no_proxy")
PASSED_WITH_NETWORK = (MIRROR_VARIABLE, *CERTIFICATES, *PROXIES)
REGISTRY = "MLFLOW_"
DEFAULT_LIMITS = "default"


class _DataConfig(StageConfig):
    data: DataParams


def stage_name(command: list[str]) -> str:
    """The stage DVC runs, or that a command such as ``python -m stages.teach`` names."""
    return os.environ.get("DVC_STAGE") or command[-1].rpartition(".")[2]


def root() -> Path:
    """The project's folder: DVC's own, which holds the workspaces of its queued experiments too, or this one."""
    return Path(os.environ.get("DVC_ROOT") or Path.cwd())


def wanted_runner(config: RunnerConfig) -> str:
    """``DLNET_RUNNER``, or ``runner`` of params.yaml.

    Raises:
        ConfigError: the variable holds another word.
    """
    wanted = os.environ.get(RUNNER_VARIABLE) or config.runner
    if wanted not in RUNNERS:
        raise ConfigError(f"{RUNNER_VARIABLE} is {wanted!r}; it must be one of {', '.join(RUNNERS)}")
    return wanted


def limits_of(stage: str, config: RunnerConfig) -> LimitParams:
    """Limits of one stage.

    Raises:
        ConfigError: ``limits`` names something that is no stage.
    """
    for name in config.limits:
        if name != DEFAULT_LIMITS and not Path(f"stages/{name}.py").is_file():
            raise ConfigError(f"params.yaml: limits.{name}: there is no such stage")
    return config.limits.get(stage, config.limits[DEFAULT_LIMITS])


def environment(network: bool) -> dict[str, str]:
    """Variables that go into a stage's container; those of registry and site only where there is a network."""
    names = {*PASSED, *(PASSED_WITH_NETWORK if network else ())}
    passed = {key: value for key, value in os.environ.items() if key in names or (network and key.startswith(REGISTRY))}
    user = _user()
    # A uid needs no entry in the image's passwd as long as these say who it is.
    return {**passed, "HOME": "/tmp", "USER": user, "LOGNAME": user}  # noqa: S108 - of the container


def _user() -> str:
    try:
        return getpass.getuser()
    except (KeyError, OSError):  # a uid without a name
        return str(os.getuid())


def writable() -> list[Path]:
    """Folders a stage may write: project, workspace, and DVC's cache where it is kept elsewhere."""
    top = root()
    return [top, top.resolve(), Path.cwd(), *cache_folder(top)]


def cache_folder(top: Path) -> list[Path]:
    """``cache.dir`` of DVC's configuration, the most local one; none if it was never set, or is not made yet."""
    config = os.environ.get("XDG_CONFIG_HOME") or Path.home() / ".config"
    for path in (
        top / ".dvc/config.local",
        top / ".dvc/config",
        Path(config) / "dvc/config",
        Path("/etc/xdg/dvc/config"),
    ):
        parser = configparser.ConfigParser(interpolation=None, strict=False)
        if path.is_file() and parser.read(path) and (folder := parser.get("cache", "dir", fallback=None)):
            found = (path.parent / Path(folder).expanduser()).resolve()
            return [found] if found.is_dir() else []
    return []


def readable(network: bool, variables: Mapping[str, str] = os.environ) -> list[Path]:
    """What a stage may read outside the project: the user's cells or a mirror, and the site's certificates.

    A link is named beside what it leads to: a container needs both.
    """
    if not network:
        return []
    data = _DataConfig.load().data
    named = [data.path, data.mirror, variables.get(MIRROR_VARIABLE), *(variables.get(name) for name in CERTIFICATES)]
    found = [Path(path) for path in named if path and Path(path).exists()]
    return [*found, *(path.resolve() for path in found if path.is_symlink())]
