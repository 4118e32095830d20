"""Opens damaged models as ``dlnet forecast`` does: each is used, or refused by a named exception in one line."""

from __future__ import annotations

import resource
import signal
import tempfile
import traceback
import warnings
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from types import FrameType

import numpy as np

from dlnet.data.windows import Histories
from dlnet.errors import DLNetError
from dlnet.export.saved import SavedEdge
from dlnet.forecast import forecast
from dlnet.saved import LoadedModel, load
from tests.fuzz.bases import Base, bases
from tests.fuzz.damage import Files, damaged

SECONDS = 2.0  # of the processor, for one model
MEMORY = 500 << 20  # bytes beyond those that Python, NumPy and torch hold
LONGEST = 1000  # characters of a message
WHOLE = 7  # of so many models that are accepted, one forecasts from the asset's file
SHM = Path("/dev/shm")  # noqa: S108 - only to be fast; a folder of its own is made in it


class TooSlowError(BaseException):
    """Opening a model and forecasting took over ``SECONDS``; no ``except Exception`` catches it."""


@dataclass
class Found:
    """What became of some models.

    Attributes:
        accepted: numbers of models that were opened. edges: those of them that firmware can be made of.
        refused: exception -> how many. unusable: of those accepted, exception -> how many do not forecast the asset.
        faults: number of a model, and what went wrong.
    """

    accepted: list[int] = field(default_factory=list)
    edges: list[int] = field(default_factory=list)
    refused: Counter[str] = field(default_factory=Counter)
    unusable: Counter[str] = field(default_factory=Counter)
    faults: list[tuple[int, str]] = field(default_factory=list)

    @property
    def tested(self) -> int:
        """How many models."""
        return len(self.accepted) + self.refused.total() + len(self.faults)

    def add(self, other: Found) -> None:
        """Add what was found of other models."""
        self.accepted += other.accepted
        self.edges += other.edges
        self.refused += other.refused
        self.unusable += other.unusable
        self.faults += other.faults


def model_of(every: Sequence[Base], seed: int, number: int) -> tuple[Base, Files]:
    """The damaged model of a number; the same each time."""
    rng = np.random.default_rng([seed, number])
    base = every[number % len(every)]
    return base, damaged(base, rng)


@contextmanager
def written(files: Files) -> Iterator[Path]:
    """A folder with the files of a model."""
    with tempfile.TemporaryDirectory(dir=SHM if SHM.is_dir() else None) as name:
        for file, content in files.items():
            (Path(name) / file).write_bytes(content)
        yield Path(name)


def judge(seed: int, numbers: Sequence[int]) -> Found:
    """What becomes of the models of some numbers; limits the memory of this process while they are opened."""
    every, found = bases(), Found()
    signal.signal(signal.SIGPROF, _too_slow)
    with warnings.catch_warnings(), limited_memory():
        warnings.simplefilter("ignore")
        for number in numbers:
            _judge_one(every, seed, number, found)
    return found


def _judge_one(every: Sequence[Base], seed: int, number: int, found: Found) -> None:
    base, files = model_of(every, seed, number)
    with written(files) as folder:
        (folder / "asset.csv").write_bytes(base.asset)
        stage = found.refused
        signal.setitimer(signal.ITIMER_PROF, SECONDS)
        try:
            model = load(folder)
            stage = found.unusable
            _use(model, folder / "asset.csv", number % WHOLE == 0)
        except DLNetError as error:
            message = str(error)
            if not message.isprintable() or not 0 < len(message) <= LONGEST:
                found.faults.append((number, f"{base.name}: a message of other than one line: {message[:300]!r}"))
                return
            stage[type(error).__name__] += 1
        except (Exception, TooSlowError) as error:  # noqa: BLE001 - that there is none is what is tested
            where = traceback.extract_tb(error.__traceback__)[-1]
            place = next(
                (f for f in reversed(traceback.extract_tb(error.__traceback__)) if "/dlnet/" in f.filename), where
            )
            at = f"{Path(place.filename).name}:{place.lineno}"
            found.faults.append((number, f"{base.name}: {at}: {type(error).__name__}: {str(error)[:200]!r}"))
            return
        finally:
            signal.setitimer(signal.ITIMER_PROF, 0)
        if stage is found.unusable:
            found.accepted.append(number)
            found.edges += [number] if isinstance(model, SavedEdge) else []


def _use(model: LoadedModel, asset: Path, whole: bool) -> None:
    """Forecast: with ``whole`` from the asset's file; to read that takes longer than all else."""
    if whole:
        result = forecast(asset, model)
        ahead, count = result.ahead, len(result.table())
    else:
        health, rng = np.linspace(1.0, 0.9, model.window), np.random.default_rng(0)
        features = rng.normal(size=(1, model.window, len(model.features)))
        ahead = model.predict(Histories(health[None], features, model.features))[0]
        count = model.horizon
    assert ahead.shape == (count,), f"a forecast of {ahead.shape}"
    assert not whole or np.isfinite(ahead).all(), "a forecast that is not finite"


def _too_slow(_number: int, _frame: FrameType | None) -> None:
    raise TooSlowError(f"over {SECONDS:g} s")


@contextmanager
def limited_memory() -> Iterator[None]:
    """Let this process take at most ``MEMORY`` more than it has."""
    pages = int(Path("/proc/self/statm").read_text().split()[0])
    before = resource.getrlimit(resource.RLIMIT_AS)
    resource.setrlimit(resource.RLIMIT_AS, (pages * resource.getpagesize() + MEMORY, before[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_AS, before)
