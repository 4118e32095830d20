"""The sketch's session of one model, compiled for this machine."""

import ctypes

from host_compiler import compile_host

from dlnet.files import write_text
from dlnet.firmware.header import header


class HostLine:
    """The session as a board's line."""

    port = "host"

    def __init__(self, folder, model):
        write_text(folder / "model_data.h", header(model))
        path = compile_host(
            "session_host.cpp", folder / "session.so", "-shared", "-fPIC", "-fvisibility=hidden", f"-I{folder}"
        )
        self._library = ctypes.CDLL(str(path))
        self._library.exchange.restype = ctypes.c_char_p

    def exchange(self, line):
        return self._library.exchange(line.encode()).decode()
