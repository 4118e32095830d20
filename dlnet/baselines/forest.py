"""A forest of regression trees as plain arrays: stored without pickle, run without scikit-learn."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from dlnet.data.windows import Floats

if TYPE_CHECKING:
    from sklearn.ensemble import HistGradientBoostingRegressor

Ints = npt.NDArray[np.int64]
ARRAYS = ("first", "feature", "threshold", "left", "right", "value")


@dataclass(frozen=True)
class Forest:
    """Concatenated trees; a node is a split or, with ``left`` 0, a leaf.

    Attributes:
        start: (1,) the value that all trees are added to. first: (trees,) node that each tree begins at.
        feature, threshold: (nodes,) a row goes left where its feature is at most the threshold.
        left, right: (nodes,) children. value: (nodes,) of a leaf.
    """

    start: Floats
    first: Ints
    feature: Ints
    threshold: Floats
    left: Ints
    right: Ints
    value: Floats

    @classmethod
    def of(cls, fitted: HistGradientBoostingRegressor) -> Forest:
        """Copy the trees of a fitted forest. scikit-learn has no public name for them."""
        trees = [tree.nodes for iteration in fitted._predictors for tree in iteration]
        first = np.cumsum([0, *(len(tree) for tree in trees)])[:-1]
        nodes, shift = np.concatenate(trees), np.repeat(first, [len(tree) for tree in trees])
        leaf = nodes["is_leaf"].astype(bool)

        def child(name: str) -> Ints:
            return np.where(leaf, 0, nodes[name].astype(np.int64) + shift)

        return cls(
            start=np.asarray(fitted._baseline_prediction, np.float64).reshape(1),
            first=first.astype(np.int64),
            feature=np.where(leaf, 0, nodes["feature_idx"]).astype(np.int64),
            threshold=np.where(leaf, 0.0, nodes["num_threshold"]).astype(np.float64),
            left=child("left"),
            right=child("right"),
            value=np.where(leaf, nodes["value"], 0.0).astype(np.float64),
        )

    @classmethod
    def from_arrays(cls, arrays: dict[str, np.ndarray]) -> Forest:
        """Read ``arrays`` back."""
        return cls(**{name: arrays[name] for name in ("start", *ARRAYS)})

    def arrays(self) -> dict[str, np.ndarray]:
        """All arrays by name."""
        return {name: getattr(self, name) for name in ("start", *ARRAYS)}

    @property
    def splits(self) -> int:
        """Nodes that are not leaves."""
        return int((self.left > 0).sum())

    @property
    def leaves(self) -> int:
        """Nodes that are leaves."""
        return len(self.left) - self.splits

    def predict(self, inputs: Floats) -> Floats:
        """(N, P) -> (N,), trees summed in their order, as scikit-learn does."""
        total = np.repeat(self.start, len(inputs))
        rows = np.arange(len(inputs))
        for first in self.first:
            node = np.full(len(inputs), first)
            while (self.left[node] > 0).any():
                inner = self.left[node] > 0
                goes_left = inputs[rows, self.feature[node]] <= self.threshold[node]
                node = np.where(inner, np.where(goes_left, self.left[node], self.right[node]), node)
            total = total + self.value[node]
        return total


def nbytes(fitted: Any) -> int:
    """Bytes that scikit-learn's own node arrays hold in memory."""
    return sum(tree.nodes.nbytes for iteration in fitted._predictors for tree in iteration)
