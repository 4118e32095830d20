"""Which columns of a cycler's export hold what: vendors' names and units, mapped to one set of quantities."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from dlnet.data.raw import resfiles
from dlnet.data.tablefiles import column_names
from dlnet.errors import DataError
from dlnet.files import printable

TIME, CURRENT, VOLTAGE = "time_s", "current_a", "voltage_v"
STEP_TIME, DATE = "step_time_s", "date"
CYCLE, STEP, STATE, CELL = "cycle", "step", "state", "cell"
CHARGE_AH, DISCHARGE_AH, CAPACITY_AH = "charge_ah", "discharge_ah", "step_ah"

UNITS: Mapping[str, Mapping[str, float]] = {
    "s": {"": 1.0, "s": 1.0, "sec": 1.0, "min": 60.0, "h": 3600.0, "hr": 3600.0, "ms": 1e-3},
    "a": {"": 1.0, "a": 1.0, "ma": 1e-3, "ua": 1e-6},
    "v": {"": 1.0, "v": 1.0, "mv": 1e-3},
    "ah": {"": 1.0, "ah": 1.0, "a.h": 1.0, "mah": 1e-3, "ma.h": 1e-3, "as": 1 / 3600},
}
"""Value of a unit, as written in a header in lower case, in s, A, V and Ah."""

CLOCKS = ("h:min:s.ms", "hh:mm:ss", "h:m:s", "h:min:s", "hh:mm:ss.ms")
"""Units of columns that hold text such as ``01:02:03.5``."""

_KIND = {TIME: "s", STEP_TIME: "s", CURRENT: "a", VOLTAGE: "v", CHARGE_AH: "ah", DISCHARGE_AH: "ah", CAPACITY_AH: "ah"}
_UNIT = re.compile(r"^(.*?)[\s_]*[(\[/]\s*([^)\]]*?)\s*[)\]]?$")  # Current(mA), I/mA, Current [A]
_SUFFIX = re.compile(r"^(.*\w)[\s_](s|min|A|mA|V|mV|Ah|mAh)$", re.IGNORECASE)  # current_mA


@dataclass(frozen=True)
class Vendor:
    """Names of columns in the exports of one vendor.

    Attributes:
        name: as shown. tested: the file that its support is tested on, None: matched by column names, untested.
        marks: names of which the header must have one each. columns: quantity -> its possible names, the best first.
            Names are written as ``plain`` gives them.
    """

    name: str
    tested: str | None
    marks: tuple[tuple[str, ...], ...]
    columns: Mapping[str, tuple[str, ...]]


VENDORS: tuple[Vendor, ...] = (
    Vendor(
        "BDF",
        None,
        (("testtime / s", "testtimesecond"), ("voltage / v", "voltagevolt"), ("current / a", "currentampere")),
        {
            TIME: ("testtime / s", "testtimesecond"),
            CURRENT: ("current / a", "currentampere"),
            VOLTAGE: ("voltage / v", "voltagevolt"),
            CYCLE: ("cyclecount", "cycleindex"),
            STEP: ("stepindex", "stepcount"),
            CHARGE_AH: ("chargingcapacity", "chargingcapacityah"),
            DISCHARGE_AH: ("dischargingcapacity", "dischargingcapacityah"),
        },
    ),
    Vendor(
        "BioLogic",
        None,
        (("time/s",), ("ewe/v", "ecell/v", "<ewe>/v", "ewe-ece/v"), ("i/ma", "<i>/ma", "i/a")),
        {
            TIME: ("time",),
            CURRENT: ("i", "<i>"),
            VOLTAGE: ("ecell", "ewe-ece", "ewe", "<ewe>"),
            CYCLE: ("cyclenumber",),
            STEP: ("ns",),
            CHARGE_AH: ("qcharge",),
            DISCHARGE_AH: ("qdischarge",),
        },
    ),
    Vendor(
        "Maccor",
        None,
        (("amps", "current"), ("volts", "voltage"), ("testtime", "test"), ("rec#", "rec", "cyc#", "cycp", "cyclep")),
        {
            TIME: ("testtime", "test"),
            CURRENT: ("amps", "current"),
            VOLTAGE: ("volts", "voltage"),
            CYCLE: ("cyc#", "cyc", "cyclep", "cycp", "cycle"),
            STEP: ("step",),
            STATE: ("state", "md"),
            DATE: ("dpttime", "dpt"),
            CAPACITY_AH: ("amp-hr", "amphr", "cap.", "capacity"),
        },
    ),
    Vendor(
        "Arbin",
        "the .res file in cellpy 0.4.2",
        (("testtime",), ("current",), ("voltage",), ("datapoint", "chargecapacity", "cycleindex", "stepindex")),
        {
            TIME: ("testtime",),
            DATE: ("datetime",),
            CURRENT: ("current",),
            VOLTAGE: ("voltage",),
            CYCLE: ("cycleindex",),
            STEP: ("stepindex",),
            CELL: ("channelid", "channel"),
            CHARGE_AH: ("chargecapacity",),
            DISCHARGE_AH: ("dischargecapacity",),
        },
    ),
    Vendor(
        "Neware",
        None,
        (
            ("totaltime", "cumulativetime", "steptype", "datapoint", "stepname"),
            ("voltage",),
            ("current",),
            ("chg.cap.", "dchg.cap.", "chargecapacity", "chg.capacity", "capacity", "totaltime", "cumulativetime"),
            ("cycleindex", "cycle", "cycleno", "cycleid", "cyclecount"),
        ),
        {
            TIME: ("totaltime", "cumulativetime", "testtime"),
            STEP_TIME: ("time", "steptime", "relativetime"),
            DATE: ("date", "absolutetime", "realtime", "datetime", "timestamp"),
            CURRENT: ("current",),
            VOLTAGE: ("voltage",),
            CYCLE: ("cycleindex", "cycle", "cycleno", "cycleid", "cyclecount"),
            STEP: ("stepindex", "step", "stepno", "stepid", "stepcount"),
            STATE: ("steptype", "stepname", "status", "state"),
            CHARGE_AH: ("chg.cap.", "chg.capacity", "chargecapacity"),
            DISCHARGE_AH: ("dchg.cap.", "dchg.capacity", "dischargecapacity"),
            CAPACITY_AH: ("capacity",),
        },
    ),
    Vendor(
        "time series",
        None,
        (("time", "testtime", "t"), ("current", "i"), ("voltage", "v", "u")),
        {
            TIME: ("testtime", "time", "t"),
            CURRENT: ("current", "i"),
            VOLTAGE: ("voltage", "v", "u"),
            CYCLE: ("cycle", "cycleindex", "cyclenumber"),
            STATE: ("state",),
            CELL: ("cell", "channel"),
            CHARGE_AH: ("chargecapacity", "charge"),
            DISCHARGE_AH: ("dischargecapacity", "discharge"),
        },
    ),
)
"""Vendors whose exports are recognised, the most particular first."""


@dataclass(frozen=True)
class Column:
    """A column of a file. name: in the file. factor: value of its unit in that of the quantity."""

    name: str
    factor: float


@dataclass(frozen=True)
class RawFormat:
    """How a raw file is read.

    Attributes:
        vendor: whose export it is. columns: quantity -> its column in the file.
    """

    vendor: Vendor
    columns: Mapping[str, Column]

    @property
    def name(self) -> str:
        """The vendor's name."""
        return self.vendor.name


def recognise(path: Path, names: Sequence[str] | None = None) -> RawFormat | None:
    """The format of a raw time series, by its header; None: it is no export of a cycler that is known.

    Args:
        names: of its columns, None: they are read.

    Raises:
        DataError: the file cannot be read, or a column that is needed has an unknown unit; names it.
    """
    if names is None:
        names = resfiles.COLUMNS if resfiles.is_res(path) else column_names(path)
    return _match(path, names)


def _match(path: Path, names: Sequence[str]) -> RawFormat | None:
    header: dict[str, str] = {}
    for name in names:
        for written in _spellings(name):
            header.setdefault(written, name)
    for vendor in VENDORS:
        if all(any(mark in header for mark in marks) for marks in vendor.marks):
            found = _columns(path, vendor, header)
            if (TIME in found or STEP_TIME in found or DATE in found) and CURRENT in found and VOLTAGE in found:
                return RawFormat(vendor, found)
    return None


def _columns(path: Path, vendor: Vendor, header: Mapping[str, str]) -> dict[str, Column]:
    found = {}
    for quantity, names in vendor.columns.items():
        column = next((header[name] for name in names if name in header), None)
        if column is not None:
            found[quantity] = Column(column, _factor(path, quantity, column))
    return found


def plain(name: str) -> tuple[str, str]:
    """Name and unit in a header, in lower case, the name without blanks and underscores: ``("testtime", "s")``."""
    match = _UNIT.match(name.strip()) or _SUFFIX.match(name.strip())
    base, unit = (match[1], match[2]) if match else (name, "")
    return re.sub(r"[\s_]+", "", base).lower(), unit.strip().lower()


def _spellings(name: str) -> Iterable[str]:
    """Ways in which tables of vendors write a name: without a unit, and with it as it stands there."""
    base, unit = plain(name)
    yield base
    if " / " in name:
        yield f"{base} / {unit}"
    elif "/" in name:
        yield f"{base}/{unit}"


def _factor(path: Path, quantity: str, column: str) -> float:
    """Value of the unit that a header states."""
    kind = _KIND.get(quantity)
    unit = plain(column)[1]
    if kind is None or (kind == "s" and unit in CLOCKS):
        return 1.0
    if unit not in UNITS[kind]:
        known = ", ".join(filter(None, UNITS[kind]))
        raise DataError(f"{printable(str(path))}: column {column!r}: unknown unit {unit!r}; write one of {known}")
    return UNITS[kind][unit]
