"""Which columns of an asset's file a model reads: those it was trained on, unless the caller names others."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field, replace
from typing import Protocol

from dlnet.data import csvfiles
from dlnet.data.ownnames import own_asset, own_names
from dlnet.errors import DataError
from dlnet.models.document import ModelDocument


class Looks(Protocol):
    """What is asked of a model to read files for it."""

    @property
    def document(self) -> ModelDocument:
        """Its task, and the data it was trained on."""

    @property
    def features(self) -> tuple[str, ...]:
        """Features that it uses."""

    @property
    def uses_target(self) -> bool:
        """Whether the health of past rows is an input."""


@dataclass(frozen=True)
class FileLayout:
    """How an asset's file differs from the files that the model was trained on; what is not given is as in those.

    Attributes:
        target: column of the task's quantity. unit: of that column. time: column of the time.
        features: name in the model -> column. nominal: quantity of the asset when new, in the task's unit.
        cycle: column of the number or time that orders rows.
        asset: column that names the asset of a row, where a table holds several.
    """

    target: str | None = None
    unit: str | None = None
    time: str | None = None
    features: Mapping[str, str] = field(default_factory=dict)
    nominal: float | None = None
    cycle: str | None = None
    asset: str | None = None


AS_TRAINED = FileLayout()

BY_OPTIONS = csvfiles.Settings("name it: --column '{name}=COLUMN'", "give --unit {unit}", "--unit", "--nominal")
"""Options of the commands that read an asset's file, for messages."""


def check_layout(model: Looks, layout: FileLayout) -> None:
    """Refuse what no file can make right, before any is read.

    Raises:
        DataError: a feature that the model does not read, or a unit that its task does not know.
    """
    unknown = sorted(set(layout.features) - set(model.features))
    if unknown:
        known = ", ".join(model.features) or "none"
        raise DataError(f"--column: the model looks at no feature {unknown[0]!r}; its features: {known}")
    target = model.document.quantities.target
    if layout.unit is not None and layout.unit not in target.units | target.shares:
        known = ", ".join(target.units | target.shares)
        raise DataError(f"--unit {layout.unit}: no unit of {target.quantity}; the model knows {known}")


def columns_of(header: Collection[str], model: Looks, layout: FileLayout) -> csvfiles.Columns:
    """The columns to read of a file with this header."""
    trained_on = model.document.data.columns
    used = replace(trained_on, features={name: trained_on.features[name] for name in model.features})
    own = own_names(header, used, model.document.quantities.target)
    target, unit = (layout.target, trained_on.unit) if layout.target else (own.target, own.unit)
    if not model.uses_target and target not in header:
        target = None
    return replace(
        own,
        target=target,
        unit=layout.unit or unit,
        time=layout.time or own.time,
        cycle=layout.cycle or own.cycle,
        features={**own.features, **layout.features},
    )


def asset_column(header: Collection[str], model: Looks, layout: FileLayout) -> str | None:
    """The column that names the asset of a row; None: the file holds one.

    Raises:
        DataError: the column that the caller named is not there.
    """
    if layout.asset is not None:
        if layout.asset not in header:
            present = ", ".join(map(repr, list(header)[:20]))
            raise DataError(f"no column {layout.asset!r} that names the asset of a row, only {present}")
        return layout.asset
    known = model.document.data.columns.asset
    return known if known in header else own_asset(header)


def nominal_of(model: Looks, layout: FileLayout) -> float:
    """Quantity of a new asset, in the task's unit; 1 where the target is no share of it.

    Raises:
        DataError: it is not known.
    """
    quantities, trained_on = model.document.quantities, model.document.data.nominal
    if not quantities.target.over_nominal:
        return 1.0
    if layout.nominal is not None:
        return layout.nominal
    if len(trained_on) == 1:
        return trained_on[0]
    raise DataError(
        f"the nominal {quantities.target.quantity} of this {quantities.asset.one} is not known; give it with "
        f"--nominal, in {quantities.target.unit}"
    )
