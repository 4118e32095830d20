"""One named exception for each kind of failure. A message names the file and position, the problem, and the remedy."""


class DLNetError(Exception):
    """Base of every error that a user can fix; the command line prints it as one line, without a traceback."""


class ConfigError(DLNetError):
    """A key or value of params.yaml is unknown, missing or out of range."""


class MissingExtraError(DLNetError):
    """A package of an optional extra of dlnet is not installed."""


class DataError(DLNetError):
    """A data file cannot be used as it is."""


class DocumentError(DLNetError):
    """A JSON document that a stage wrote lacks a field, or has an unknown one."""


class DownloadError(DLNetError):
    """A file could not be fetched, or its SHA-256 is not the pinned one."""


class OutputError(DLNetError):
    """A command would overwrite or delete what is not its own earlier result."""


class ModelError(DLNetError):
    """A stored model is incomplete, or does not fit the data or the device."""


class RegistryError(DLNetError):
    """The MLflow registry refused, is unreachable, or holds something unexpected."""


class UntrustedError(RegistryError):
    """A registered version has content that the pipeline never publishes; it is rejected before parsing."""


class SignatureError(UntrustedError):
    """A version, a bundle or a key: no signature, not that of a publisher, or not of this content."""


class ToolError(DLNetError):
    """A compiler or an emulator is missing, or rejected its input."""


class RefusedError(RegistryError):
    """A version does not pass the checks before promotion or release."""


class ParityError(ModelError):
    """Compiled code and the reference give different results; such code must not be released."""
