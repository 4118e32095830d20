"""``python killed_command.py COMMAND KILL_AT``: run a command of champion; SIGKILL before its write number KILL_AT."""

from __future__ import annotations

import os
import signal
import sys

from dlnet.release.promote import Champion

NAME = "dlnet-edge"
WRITES = (
    "set_model_version_tag",
    "delete_model_version_tag",
    "set_registered_model_alias",
    "delete_registered_model_alias",
)


def main(command: str, kill_at: int) -> None:
    champion = Champion(NAME)
    count = 0

    def counted(write):
        def call(*arguments):
            nonlocal count
            count += 1
            if count == kill_at:
                os.kill(os.getpid(), signal.SIGKILL)
            return write(*arguments)

        return call

    for name in WRITES:
        setattr(champion.client, name, counted(getattr(champion.client, name)))
    if command.startswith("promote"):
        champion.promote(command.partition(" ")[2])
    else:
        getattr(champion, command)()


if __name__ == "__main__":
    main(sys.argv[1], int(sys.argv[2]))
