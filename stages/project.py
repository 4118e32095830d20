"""Settings of the stage to launch: from DVC's environment and configuration, and from params.yaml."""

from __future__ import annotations

import configparser
import getpass
import os
from collections.abc import Mapping
from pathlib import Path

from dlnet.config.base import StageConfig
from dlnet.config.data import DataParams, mirror_of
from dlnet.config.runner import LimitParams, RunnerConfig
from dlnet.errors import ConfigError

RUNNER_VARIABLE, NETWORK_VARIABLE, MIRROR_VARIABLE = "DLNET_RUNNER", "DLNET_NETWORK", "DLNET_DATA_MIRROR"
RUNNERS = ("auto", "docker", "local")
SILENCE = ("DO_NOT_TRACK", "MLFLOW_DISABLE_TELEMETRY", "TF_CPP_MIN_LOG_LEVEL")
# By name, not by prefix: other variables that begin with DLNET_ or DVC_ may be tokens.
PASSED = ("DVC_STAGE", "DVC_ROOT", "DVC_EXP_NAME", "OMP_NUM_THREADS", "TERM", "COLUMNS", "NO_COLOR", *SILENCE)
CERTIFICATES = ("SSL_CERT_FILE", "SSL_CERT_DIR", "REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE")
PROXIES = ("HTTP_PROXY", "HTTPS_PROXY", "NO_PROXY", "http_proxy", "https_proxy", "no_proxy")
PASSED_WITH_NETWORK = (MIRROR_VARIABLE, *CERTIFICATES, *PROXIES)
REGISTRY = "MLFLOW_"
SIGNING_KEY, SIGNS = "DLNET_SIGNING_KEY", "publish"  # a secret, and the one stage that gets it
DEFAULT_LIMITS = "default"


class _DataConfig(StageConfig):
    data: DataParams


def stage_name(command: list[str]) -> str:
    """The stage that DVC runs, or the module of a command such as ``python -m stages.teach``."""
    return os.environ.get("DVC_STAGE") or command[-1].rpartition(".")[2]


def root() -> Path:
    """The project's folder: DVC's root, which also holds the workspaces of queued experiments, or this folder."""
    return Path(os.environ.get("DVC_ROOT") or Path.cwd())


def selected_runner(config: RunnerConfig) -> str:
    """``DLNET_RUNNER``, or ``runner`` of params.yaml.

    Raises:
        ConfigError: the variable has another value.
    """
    runner = os.environ.get(RUNNER_VARIABLE) or config.runner
    if runner not in RUNNERS:
        raise ConfigError(f"{RUNNER_VARIABLE} is {runner!r}; it must be one of {', '.join(RUNNERS)}")
    return runner


def limits_of(stage: str, config: RunnerConfig) -> LimitParams:
    """Limits of one stage.

    Raises:
        ConfigError: ``limits`` has a key that is not a stage.
    """
    for name in config.limits:
        if name != DEFAULT_LIMITS and not Path(f"stages/{name}.py").is_file():
            raise ConfigError(f"params.yaml: limits.{name}: there is no such stage")
    return config.limits.get(stage, config.limits[DEFAULT_LIMITS])


def environment(network: bool, stage: str = "") -> dict[str, str]:
    """Variables passed to a stage's container; those of registry and site only with a network, the key to one stage."""
    names = {*PASSED, *(PASSED_WITH_NETWORK if network else ()), *([SIGNING_KEY] if stage == SIGNS else ())}
    passed = {key: value for key, value in os.environ.items() if key in names or (network and key.startswith(REGISTRY))}
    user = _user()
    # With these a uid needs no entry in the image's passwd.
    return {**passed, "HOME": "/tmp", "USER": user, "LOGNAME": user}  # noqa: S108 - of the container


def _user() -> str:
    try:
        return getpass.getuser()
    except (KeyError, OSError):  # a uid without a name
        return str(os.getuid())


def writable() -> list[Path]:
    """Folders that a stage may write: project, workspace, and DVC's cache if it is elsewhere."""
    top = root()
    return [top, top.resolve(), Path.cwd(), *cache_folder(top)]


def cache_folder(top: Path) -> list[Path]:
    """``cache.dir`` of DVC's configuration, from its most local file; empty if it is not set or does not exist.

    Raises:
        ConfigError: a file of DVC's configuration cannot be parsed.
    """
    for path in (top / ".dvc/config.local", top / ".dvc/config", *_user_config(), Path("/etc/xdg/dvc/config")):
        if folder := _cache_dir(path):
            cache = (path.parent / os.path.expanduser(folder)).resolve()  # noqa: PTH111 - without a home Path's raises
            return [cache] if cache.is_dir() else []
    return []


def _user_config() -> list[Path]:
    """DVC's configuration of this user, who may have no home directory: a uid without a name, and no HOME."""
    home = os.path.expanduser("~")  # noqa: PTH111 - without a home Path's raises
    folder = os.environ.get("XDG_CONFIG_HOME") or (f"{home}/.config" if home != "~" else "")
    return [Path(folder) / "dvc/config"] if folder else []


def _cache_dir(path: Path) -> str | None:
    """``cache.dir`` of one file; a file that is not there, or that this user may not read, has none."""
    parser = configparser.ConfigParser(interpolation=None, strict=False)
    try:
        parser.read(path, encoding="utf-8")
    except UnicodeDecodeError as error:
        raise ConfigError(
            f"{path}: not UTF-8 text (byte 0x{error.object[error.start]:02x}); save it in UTF-8"
        ) from error
    except configparser.Error as error:
        raise ConfigError(f"{path}: not a configuration of DVC ({' '.join(error.message.split())})") from error
    return parser.get("cache", "dir", fallback=None)


def readable(network: bool, variables: Mapping[str, str] = os.environ) -> list[Path]:
    """Paths outside the project that a stage may read: the user's cells or a mirror, and the site's certificates.

    Of a link also its target: a container needs both.
    """
    if not network:
        return []
    data = _DataConfig.load().data
    given = [mirror for mirror in (data.mirror, variables.get(MIRROR_VARIABLE)) if mirror]
    mirrors = dict.fromkeys(mirror_of(mirror, source) for mirror in given for source in data.sources)
    named = [data.path, *mirrors, *(variables.get(name) for name in CERTIFICATES)]
    existing = [Path(path) for path in named if path and Path(path).exists()]
    return [*existing, *(path.resolve() for path in existing if path.is_symlink())]
