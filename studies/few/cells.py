"""Own and public cells of the study, and their splits: the same test cells for every number of own ones."""

from __future__ import annotations

import os
from dataclasses import dataclass, replace
from typing import get_args

import numpy as np
import pandas as pd

from dlnet.config.data import PLACE, Public, mirror_of
from dlnet.config.quantities import Quantities, load_quantities
from dlnet.data.documents import PublicSource, SourceRecord
from dlnet.data.prepare import Prepared, prepare
from dlnet.data.public import EMBEDDED, PublicAssets, add_public, as_public, clean_public
from dlnet.data.sources import MIRROR_VARIABLE, load_assets
from studies.cell_split import CellSplit, split_of
from studies.few.config import FewConfig

MIT: Public = "mit"
OTHERS: tuple[Public, ...] = ("hust", "xjtu", "tju")  # measured where a mirror holds them


@dataclass(frozen=True)
class Case:
    """Cleaned own cells of one origin, and the public ones that may train beside them."""

    name: str
    own: Prepared
    public: tuple[PublicAssets, ...]

    @property
    def usable(self) -> list[str]:
        """Own cells that are long enough, in order."""
        assets = self.own.assets
        return sorted(assets.loc[assets["split"] != "unused", "asset"])


def available(config: FewConfig, name: str) -> bool:
    """Whether the cells can be read: those of MIT always, the others from a mirror whose path names the source."""
    mirror = os.environ.get(MIRROR_VARIABLE) or config.data.mirror
    return name == MIT or (PLACE in str(mirror) and mirror_of(str(mirror), name).is_dir())


def load_case(config: FewConfig, name: Public) -> Case:
    """Own cells: of MIT the batch of ``few.batch``, of another source all; public: the sources of ``few.weights``."""
    quantities = load_quantities("battery")
    table, record = _read(config, name, quantities)
    is_own = table["group"] == config.few.batch if name == MIT else pd.Series(True, index=table.index)
    own = table[is_own].reset_index(drop=True)
    prepared = prepare(own, record, quantities, config.clean, config.split, config.task)
    public = []
    for source, weight in config.few.weights.items():
        other, about = (
            (table[~is_own].reset_index(drop=True), record) if source == name else _read(config, source, quantities)
        )
        if len(other):
            public.append(_public(config, other, own, about, source, weight, quantities))
    return Case(name, prepared, tuple(public))


def _read(config: FewConfig, name: Public, quantities: Quantities) -> tuple[pd.DataFrame, SourceRecord]:
    assert name in get_args(Public)
    return load_assets(config.data.model_copy(update={"source": name, "path": EMBEDDED}), quantities)


def _public(
    config: FewConfig,
    table: pd.DataFrame,
    own: pd.DataFrame,
    about: SourceRecord,
    source: Public,
    weight: float,
    quantities: Quantities,
) -> PublicAssets:
    entry = PublicSource(
        source=source,
        label=about.label,
        simulated=about.simulated,
        weight=weight,
        assets=int(table["asset"].nunique()),
        rows=len(table),
    )
    return clean_public(as_public(table, own, source), entry, quantities, config.clean, config.task)


def make_case_split(config: FewConfig, case: Case, own: int, seed: int, public: bool) -> CellSplit:
    """``own`` cells train, beside them the public ones if asked; validation and test cells depend on the seed alone.

    The cells are in an order of their own for each seed: first those of validation, then as many as the largest
    number of own cells, of which the first train, then those of test.
    """
    order = np.random.default_rng(seed).permutation(case.usable)
    first, last = config.few.validation, config.few.validation + max(config.few.own)
    roles = dict.fromkeys(order[:first], "validation")
    roles |= dict.fromkeys(order[first : first + own], "train")
    roles |= dict.fromkeys(order[last:], "test")
    split = case.own.assets["asset"].map(lambda name: roles.get(name, "unused"))
    prepared = replace(case.own, assets=case.own.assets.assign(split=split, used_in_training=split == "train"))
    if public:
        prepared = add_public(prepared, case.public)
    return split_of(config.task.model_copy(update={"track": "with_target"}), *prepared.all_tables(), prepared.task)
