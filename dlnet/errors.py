"""One named exception a failure. A message says which file, where in it, what was wrong, what to do."""


class DLNetError(Exception):
    """Base of every error a user can mend; the command line prints it as one line, without a traceback."""


class ConfigError(DLNetError):
    """A key or value of params.yaml is unknown, missing or out of range."""


class DataError(DLNetError):
    """A data file cannot be used as it is."""


class DocumentError(DLNetError):
    """A JSON document that a stage wrote lacks a field, or holds one that does not belong into it."""


class DownloadError(DLNetError):
    """A file could not be fetched, or its SHA-256 is not the pinned one."""


class ModelError(DLNetError):
    """A stored model is incomplete, or does not fit the data or the device."""


class RegistryError(DLNetError):
    """The MLflow registry refused, is unreachable, or holds something unexpected."""


class UntrustedError(RegistryError):
    """A registered version holds what the pipeline never publishes; it is refused before it is parsed."""


class ToolError(DLNetError):
    """A compiler or an emulator is missing, or refused its input."""


class RefusedError(RegistryError):
    """A version does not pass the checks that stand before promotion and release."""


class ParityError(ModelError):
    """Compiled code gives another number than the reference: it must not be shipped."""
