"""Section ``data``: where the rows of all assets come from."""

from __future__ import annotations

import math
import re
from pathlib import Path
from typing import Annotated, Literal, Self

from pydantic import AfterValidator, BeforeValidator, Field, model_validator

from dlnet.config.base import Positive, Section
from dlnet.config.quantities import Labels
from dlnet.documents import Label

Source = Literal["embedded", "mit", "hust", "xjtu", "tju", "csv"]
Public = Literal["embedded", "mit", "hust", "xjtu", "tju"]

PLACE = "{source}"
"""In the path of a mirror: the name of the source."""


LONGEST_PATTERN = 200
MOST_WAYS = 5e6
"""Ways in which a pattern may be compared with a name of 100 characters: it takes up to a second."""

_LITERAL = re.compile(r"\\.|\[\^?\]?(?:\\.|[^\]])*\]")
_REPEAT = re.compile(r"[*+]|\{\d*,\d*\}")
_OPTIONAL = re.compile(r"(?<![(*+?}])\?")
_ENDLESS = re.compile(r"\)[*+{]|\(\?[^P:]|\(\?P=")
_INNER = re.compile(r"\([^()]*\)")


def _ways(plain: str) -> float:
    """Ways in which a pattern without classes can be compared with 100 characters, at most."""
    repeats, ways = len(_REPEAT.findall(plain)), 2.0 ** len(_OPTIONAL.findall(plain))
    while (group := _INNER.search(plain)) is not None:
        ways *= 1 + group[0].count("|")
        plain = plain[: group.start()] + plain[group.end() :]
    return ways * (1 + plain.count("|")) * 100.0**repeats / math.factorial(repeats)


def names_asset(pattern: str) -> str:
    """The pattern, if it names the asset in a file's name, and within a second.

    Raises:
        ValueError: it does not; says why.
    """
    try:
        groups = re.compile(pattern).groupindex
    except re.error as error:
        raise ValueError(f"is no regular expression ({error})") from error
    if "asset" not in groups:
        raise ValueError("has no group (?P<asset>...), which names the asset in a file's name")
    if len(pattern) > LONGEST_PATTERN:
        raise ValueError(f"is longer than {LONGEST_PATTERN} characters")
    plain = _LITERAL.sub("x", pattern.removeprefix("(?i)"))
    if _ENDLESS.search(plain) or _ways(plain) > MOST_WAYS:
        raise ValueError(
            "repeats a group, looks back or ahead, or has too many of * + ? | {m,n}, which can take forever; write "
            "digits and letters one by one ([0-9][0-9]), or {3}"
        )
    return pattern


def _one_as_text(unit: object) -> object:
    """YAML takes ``unit: 1`` for a number."""
    return str(unit) if isinstance(unit, int) and not isinstance(unit, bool) else unit


Pattern = Annotated[str, AfterValidator(names_asset)]
"""Regular expression with a group ``asset``."""


class CsvParams(Section):
    """Columns of a user's own CSV files, and the unit of the target's column.

    Attributes:
        target: column of the task's quantity. unit: of it, None: the task's. nominal: of a new asset, in the task's
            unit; None where the target is not a share of it. time: column, None: one row a step of time.
        features: name in the task -> column. cycle: column of the number or time that orders rows, None: rows stand
            in order. asset: column that names the asset of a row, None: one asset a file. parts: of the names of files,
            of which those of one asset are stitched, None: none. include: rows that are ageing cycles, a query on the
            file's columns or the name of a column of flags, None: all. labels: ``all``: every row measures the target;
            ``check_up``: a row whose target is empty did not measure it.
    """

    target: str
    unit: Annotated[str | None, BeforeValidator(_one_as_text)]
    nominal: Positive | None
    time: str | None
    features: dict[Label, str]
    cycle: str | None = None
    asset: str | None = None
    parts: Pattern | None = None
    include: str | None = None
    labels: Labels = "all"


class DataParams(Section):
    """Where the rows come from.

    Attributes:
        source: of the own assets, from which validation and test are taken. path: of it, if it is a file or folder.
        public: sources beside it, whose assets only train -> weight of one of their windows; one of the own has 1.
        mirror: a folder that published files are read from; ``{source}`` in it stands for the name of the source.
    """

    source: Source
    public: dict[Public, Annotated[float, Field(gt=0, le=1)]] = Field(default_factory=dict)
    path: Path
    mirror: Path | None
    csv: CsvParams

    @model_validator(mode="after")
    def _beside_the_own(self) -> Self:
        if self.source in self.public:
            raise ValueError(f"public: {self.source} is data.source already; leave it out of data.public")
        return self

    @property
    def sources(self) -> tuple[str, ...]:
        """Names of all sources, the own one first."""
        return (self.source, *self.public)


def mirror_of(mirror: str | Path, source: str) -> Path:
    """Folder of a source's files in a mirror, whose path may hold ``PLACE`` for the name of the source."""
    return Path(str(mirror).replace(PLACE, source))
