"""Names that laboratories and cyclers give to columns: what each means, and the unit in it."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from dlnet.config.quantities import Quantities

Ranks = tuple[tuple[str, ...], ...]
"""Squashed names, the surest first: a name of an earlier group is taken before one of a later."""

TARGETS: Mapping[str, Ranks] = {
    "capacity": (
        (
            "dischargecapacity", "capacitydischarge", "dischcapacity", "dischgcapacity", "discapacity", "discap",
            "dischargecap", "dchgcapacity", "dchgcap", "dcapacity", "dcap", "qdischarge", "dischargeq", "qdis",
            "qdch", "qdchg", "qd", "discharge", "dischg", "dchg", "entladung",
            "entladekapazitaet", "entladungskapazitaet", "capacitededecharge",
            "capacitedecharge", "放电容量",
        ),
        ("capacity", "cap", "kapazitaet", "capacite", "容量", "quantity", "q"),
    ),
}  # fmt: skip
"""Quantity of a task -> names of its column, beside the quantity's own."""

SHARES = (
    "stateofhealth", "capacityretention", "retention", "relativecapacity", "normalizedcapacity", "normalisedcapacity",
    "normcapacity", "relativekapazitaet", "kapazitaetserhalt",
)  # fmt: skip
"""Names of the column of a share of the nominal value, beside the target's own symbol and name."""

FEATURES: Mapping[str, tuple[str, ...]] = {
    "voltage mean": ("meanvoltage", "voltageavg", "avgvoltage", "vmean", "meanv"),
    "voltage std": ("stdvoltage", "vstd"),
    "voltage kurtosis": ("kurtosisvoltage", "vkurtosis"),
    "voltage skewness": ("skewnessvoltage", "vskewness"),
    "voltage slope": ("slopevoltage", "vslope"),
    "voltage entropy": ("entropyvoltage", "ventropy"),
    "current mean": ("meancurrent", "currentavg", "avgcurrent", "imean"),
    "current std": ("stdcurrent", "istd"),
    "current kurtosis": ("kurtosiscurrent", "ikurtosis"),
    "current skewness": ("skewnesscurrent", "iskewness"),
    "current slope": ("slopecurrent", "islope"),
    "current entropy": ("entropycurrent", "ientropy"),
    "CC Q": ("cccharge", "cccapacity", "qcc"),
    "CV Q": ("cvcharge", "cvcapacity", "qcv"),
    "CC charge time": ("cctime", "tcc"),
    "CV charge time": ("cvtime", "tcv"),
}
"""Feature of a task -> names of its column, beside the feature's own."""

CYCLES: Ranks = (
    (
        "cycle", "cycles", "cycleindex", "cyclenumber", "cyclenum", "cyclenr", "cycleno", "cycleid", "cyc", "cycno",
        "cyclecount", "cyclen", "ncycle", "zyklus", "zyklen", "zyklusnummer", "zyklennummer", "zyklusnr",
        "numerodecycle", "ciclo", "numerodeciclo", "cycleidx", "cyclecounter", "zykluszahl",
        "循环号", "循环序号", "循环",
    ),
)  # fmt: skip
"""Names of the number of a cycle."""

DATES: Ranks = (("datetime", "timestamp", "date", "datum", "zeitstempel", "starttime", "endtime"),)
"""Names of the date of a row."""

TIMES: Ranks = (("time", "t", "elapsedtime", "testtime", "zeit", "operatingtime", "operatinghours", "runtime"),)
"""Names of the time of a row, beside the task's own words."""

ASSETS: Ranks = (
    (
        "asset", "assetid", "cell", "cellid", "cellname", "cellno", "battery", "batteryid", "zelle", "zellennummer",
        "barcode", "serial", "serialnumber", "seriennummer", "specimen", "sample", "sampleid", "unit", "unitid",
        "machine", "machineid",
    ),
    ("channel", "channelid", "channelno", "kanal", "通道"),
)  # fmt: skip
"""Names of the asset of a row."""

NOMINALS: Mapping[str, tuple[str, ...]] = {
    "capacity": (
        "nominalcapacity",
        "nomcapacity",
        "ratedcapacity",
        "designcapacity",
        "nennkapazitaet",
        "capacitynominal",
    ),
}
"""Quantity of a task -> names of its value for a new asset, beside ``nominal``."""

CERTAIN: Mapping[str, tuple[float, float]] = {"Ah": (0.0, 20.0), "mAh": (400.0, 1e9)}
"""Unit -> values that are in this unit though the column's name states none; between them either is possible."""

IMPOSSIBLE: Mapping[str, tuple[float, float]] = {"Ah": (1000.0, 1e12), "mAh": (0.0, 0.1)}
"""Unit -> values that are not in this unit though the column's name states it."""

UNITS: Mapping[str, tuple[str, ...]] = {
    "Ah": ("amphour", "amphours", "amperehours"), "mAh": (), "Wh": (), "V": ("volt", "volts"), "mV": (), "A": ("amps",),
    "mA": (), "s": ("sec", "seconds"), "min": ("minutes",), "h": ("hr", "hrs", "hour", "hours", "stunden"),
    "day": ("days", "d", "tage"), "degC": ("c", "celsius"), "K": ("kelvin",), "Pa": ("pascal",), "kPa": (), "mbar": (),
    "bar": (), "W": ("watt",), "kW": (), "m": (), "mm": (), "um": (), "ohm": ("ohms",), "mOhm": ("milliohm",),
    "Hz": (), "rpm": (), "1/min": (), "m3/h": (), "l/min": ("lpm",), "kg": (), "g": (), "N": (), "Nm": (),
    "%": ("percent",), "mg/l": (), "m/s2": (), "mm/s": (),
}  # fmt: skip
"""Units that names of columns state -> other spellings."""

UMLAUTS = str.maketrans(
    {"ä": "ae", "ö": "oe", "ü": "ue", "ß": "ss", "μ": "u", "µ": "u", "Ω": "ohm", "²": "2", "³": "3"}
)
BRACKETS = re.compile(r"(.+?)[\s_]*[(\[{](.*?)[)\]}]\s*", re.DOTALL)
CAMEL = re.compile(r"(.*[a-z])(mAh|Ah)")


@dataclass(frozen=True)
class Name:
    """A column's name taken apart.

    Attributes:
        words: without the unit. unit: as the task or ``UNITS`` spell it, None: none is stated.
    """

    words: str
    unit: str | None

    @property
    def stem(self) -> str:
        """The words, squashed."""
        return squash(self.words)


def squash(text: str) -> str:
    """Letters and digits alone, lower case, umlauts written out: ``Kapazität [Ah]`` -> ``kapazitaetah``."""
    plain = unicodedata.normalize("NFC", text).lower().translate(UMLAUTS)
    plain = "".join(c for c in unicodedata.normalize("NFKD", plain) if not unicodedata.combining(c))
    return "".join(c for c in plain if c.isalnum() or c == "%")


def taken_apart(column: str, units: Iterable[str] = ()) -> Name:
    """Stem and unit of a column's name, such as ``Discharge Capacity (mAh)``, ``QDischarge_mA_h``, ``Q/mA.h``.

    Args:
        units: of the task, known beside ``UNITS``.
    """
    spelled = {squash(unit): unit for unit in units}
    spelled = {squash(word): unit for unit, words in UNITS.items() for word in (unit, *words)} | spelled
    for before, unit in _ends(column):
        if squash(unit) in spelled and squash(before):
            return Name(before.strip(), spelled[squash(unit)])
    bracketed = BRACKETS.fullmatch(column)
    return Name((bracketed[1] if bracketed else column).strip(), None)


def _ends(column: str) -> Iterable[tuple[str, str]]:
    """Ways in which a name can end in a unit: what stands before it, and the unit."""
    bracketed, camel = BRACKETS.fullmatch(column), CAMEL.fullmatch(column)
    if bracketed:
        yield bracketed[1], bracketed[2]
    if "/" in column:
        before, _, unit = column.partition("/")
        yield before, unit
    parts = re.split(r"([\s_.\-]+)", column.strip())
    for count in (3, 1):  # mA_h, then Ah
        if len(parts) > count:
            yield "".join(parts[:-count]), "".join(parts[-count:])
    if camel:
        yield camel[1], camel[2]


def matching(columns: Iterable[str], ranks: Ranks, units: Iterable[str] = ()) -> list[str]:
    """Columns whose name is in the surest group that any of them is in; several: which is meant is not known."""
    units, columns = list(units), list(columns)
    for names in ranks:
        found = [name for name in columns if {squash(name), taken_apart(name, units).stem} & set(names)]
        if found:
            return found
    return []


def target_names(quantities: Quantities) -> Ranks:
    """Names of the column of the task's quantity."""
    target = quantities.target
    itself = [] if target.over_nominal else [squash(target.name), squash(target.symbol)]
    own = (squash(target.quantity), *itself)
    sure, *rest = TARGETS.get(target.quantity, ((),))
    return (sure, (*own, "quantity", *(name for names in rest for name in names)))


def share_names(quantities: Quantities) -> Ranks:
    """Names of the column of the target itself, where it is a share of the nominal value."""
    target = quantities.target
    own = (squash(target.symbol), squash(target.name))
    return ((*own, *(f"{name}%" for name in own)), SHARES) if target.over_nominal else ()


def feature_names(feature: str) -> Ranks:
    """Names of the column of a feature."""
    return ((squash(feature), taken_apart(feature).stem), FEATURES.get(feature, ()))


def nominal_names(quantities: Quantities) -> Ranks:
    """Names of the column of the quantity of a new asset."""
    return ((*NOMINALS.get(quantities.target.quantity, ()), "nominal", "nominal" + squash(quantities.target.quantity)),)


def time_names(quantities: Quantities) -> Ranks:
    """Names of the column of the time of a row, in the task's unit."""
    time = quantities.time
    own = (squash(time.unit), *UNITS.get(time.unit, ()), squash(time.one), squash(time.many))
    return (own, *TIMES)
