"""A PostgreSQL of the tracking server's own, from the programs that Debian installs. It listens on a socket alone."""

from __future__ import annotations

import os
import pwd
import shutil
import signal
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from urllib.parse import quote

from dlnet.registry.server_env import ServerError, write_secret

USER = "mlflow"
DATABASES = ("mlflow", "mlflow_auth")
SYSTEM_USER = "postgres"  # PostgreSQL refuses to run as root
DEBIAN = Path("/usr/lib/postgresql")
LONGEST_SOCKET = 107  # bytes of a socket's path in Linux
START_SECONDS, STOP_SECONDS = 60.0, 60.0


def installed() -> Path | None:
    """The folder of PostgreSQL's programs, the newest; None if it is not installed."""
    folders = sorted(DEBIAN.glob("[0-9]*/bin/postgres"), key=lambda path: int(path.parts[-3]))
    if folders:
        return folders[-1].parent
    found = shutil.which("postgres")
    return Path(found).parent if found else None


class Postgres:
    """One cluster of databases.

    Args:
        home: its folder: ``data``, ``run`` (the socket) and ``log``. password: of user ``mlflow``.

    Raises:
        ServerError: PostgreSQL is not installed, or cannot be run here.
    """

    def __init__(self, home: Path, password: str) -> None:
        programs = installed()
        if programs is None:
            raise ServerError("PostgreSQL is not installed; apt-get install postgresql, or use --store sqlite")
        self.programs = programs
        self.home = home.absolute()
        self.data, self.run, self.log = (self.home / name for name in ("data", "run", "log"))
        self.password = password
        if len(str(self.run)) + len("/.s.PGSQL.5432") > LONGEST_SOCKET:
            raise ServerError(f"{self.run}: too long for a socket; choose a shorter --home")

    def uri(self, database: str) -> str:
        """SQLAlchemy's address of a database, with the password."""
        return f"postgresql+psycopg2://{USER}:{quote(self.password)}@/{database}?host={quote(str(self.run))}"

    def make(self) -> None:
        """Make the cluster if there is none."""
        if (self.data / "PG_VERSION").exists():
            return
        self.home.mkdir(parents=True, exist_ok=True)
        for folder in (self.data, self.run):
            folder.mkdir(mode=0o700, exist_ok=True)
        secret = self.home / "password"
        try:
            write_secret(secret, self.password)
            self._own(self.home, self.data, self.run, secret)
            self._call(
                "initdb", "--pgdata", str(self.data), "--username", USER, "--pwfile", str(secret),
                "--auth", "scram-sha-256", "--encoding", "UTF8", "--locale", "C.UTF-8",
            )  # fmt: skip
        finally:
            secret.unlink(missing_ok=True)

    @contextmanager
    def running(self) -> Iterator[subprocess.Popen[bytes]]:
        """The server as a child process, stopped at the end; the databases exist."""
        self.make()
        command = [
            *self._identity(), str(self.programs / "postgres"), "-D", str(self.data), "-c", "listen_addresses=",
            "-c", f"unix_socket_directories={self.run}", "-c", "max_connections=50",
        ]  # fmt: skip
        with self._logged() as stream:
            process = subprocess.Popen(command, stdout=stream, stderr=stream, start_new_session=True, cwd=self.home)
        try:
            self._wait(process)
            self._make_databases()
            yield process
        finally:
            if process.poll() is None:
                process.send_signal(signal.SIGINT)  # its fast way to stop: connections are ended, nothing is lost
                process.wait(STOP_SECONDS)

    @contextmanager
    def reachable(self) -> Iterator[None]:
        """It runs already, or is run for this long."""
        if self._ready():
            yield
        else:
            with self.running():
                yield

    def dump(self, database: str, path: Path) -> None:
        """Write a database to ``path`` in pg_dump's own format; the server goes on meanwhile."""
        self._client("pg_dump", "--format", "custom", "--dbname", database, "--file", str(path))

    def restore(self, database: str, path: Path) -> None:
        """Fill an empty database from what ``dump`` wrote, in one transaction."""
        self._client("pg_restore", "--single-transaction", "--no-owner", "--dbname", database, str(path))

    def _wait(self, process: subprocess.Popen[bytes]) -> None:
        deadline = time.monotonic() + START_SECONDS
        while not self._ready():
            if process.poll() is not None or time.monotonic() > deadline:
                lines = self.log.read_text(errors="replace").splitlines() or ["no word"]
                raise ServerError(f"PostgreSQL did not start: {lines[-1]}; see {self.log}")
            time.sleep(0.1)

    def _ready(self) -> bool:
        command = [str(self.programs / "pg_isready"), "--quiet", "--host", str(self.run)]
        return subprocess.run(command, check=False).returncode == 0

    def _make_databases(self) -> None:
        from sqlalchemy import create_engine, text

        engine = create_engine(self.uri("postgres"), isolation_level="AUTOCOMMIT")
        try:
            with engine.connect() as line:
                held = set(line.scalars(text("SELECT datname FROM pg_database")))
                for name in DATABASES:
                    if name not in held:
                        line.execute(text(f"CREATE DATABASE {name}"))  # a name of this module's own
        finally:
            engine.dispose()

    def _client(self, program: str, *arguments: str) -> None:
        command = [str(self.programs / program), "--host", str(self.run), "--username", USER, "--no-password"]
        environment = {**os.environ, "PGPASSWORD": self.password}
        done = subprocess.run(
            [*command, *arguments], env=environment, capture_output=True, text=True, check=False
        )  # fmt: skip
        _demand(program, done)

    def _call(self, program: str, *arguments: str) -> None:
        command = [*self._identity(), str(self.programs / program), *arguments]
        done = subprocess.run(
            command, capture_output=True, text=True, check=False, cwd=self.home
        )  # fmt: skip
        _demand(program, done)

    @contextmanager
    def _logged(self) -> Iterator[int]:
        handle = os.open(self.log, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
        try:
            yield handle
        finally:
            os.close(handle)

    @staticmethod
    def _identity() -> list[str]:
        """What stands before a command: it ends with its parent, and for root it runs as Debian's user ``postgres``."""
        lead = ["setpriv", "--pdeathsig", "INT"]
        if os.geteuid() != 0:
            return [*lead, "--"]
        try:
            entry = pwd.getpwnam(SYSTEM_USER)
        except KeyError as error:
            raise ServerError("PostgreSQL does not run as root, and there is no user postgres; use another") from error
        return [*lead, f"--reuid={entry.pw_uid}", f"--regid={entry.pw_gid}", "--clear-groups", "--"]

    def _own(self, *paths: Path) -> None:
        if os.geteuid() != 0:
            return
        for path in paths:
            shutil.chown(path, SYSTEM_USER, SYSTEM_USER)
        for above in self.home.parents:
            if not above.stat().st_mode & 0o001:
                raise ServerError(
                    f"{above}: user postgres may not enter it, and PostgreSQL does not run as root; choose another "
                    "--home, or run as an ordinary user"
                )


def _demand(program: str, done: subprocess.CompletedProcess[str]) -> None:
    if done.returncode:
        lines = done.stderr.strip().splitlines() or ["no word"]
        raise ServerError(f"{program} failed: {lines[0]}")
