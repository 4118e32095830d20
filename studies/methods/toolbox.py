"""The toolbox: each method, its switch, its requirements, how it runs on the engine, its code."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Tool:
    """A line of the first table of docs/methods.md.

    Attributes:
        switch: in params.yaml. needs: besides labelled windows. engine: whether it runs there. code: under ``dlnet/``.
    """

    kind: str
    switch: str
    needs: str
    engine: str
    code: str


TOOLBOX = (
    Tool(
        "forecast of the teacher: `l1`, `mse`, `cosine`",
        "`students.losses`, `prune.losses`",
        "a teacher",
        "yes",
        "losses/outputs.py",
    ),
    Tool(
        "soft targets: `gaussian`, `binned`",
        "`students.losses`, `students.temperature`",
        "a teacher of several members",
        "yes",
        "losses/soft.py",
    ),
    Tool(
        "features: `hint`, `attention`",
        "`students.losses`",
        "the teacher's hidden path",
        "yes",
        "losses/features.py",
    ),
    Tool(
        "relations: `distance`, `angle`, `contrast`",
        "`students.losses`",
        "the teacher's hidden path",
        "yes",
        "losses/relations.py",
    ),
    Tool(
        "synthetic windows: mixed, shifted, simulated",
        "`students.mixed`, `students.shifted`, `students.simulated_stride`",
        "a teacher; no labels",
        "yes",
        "distill/synthetic.py",
    ),
    Tool("from its unpruned self", "`prune.teacher_share: 0`", "the elite", "yes", "compress/stage2.py"),
    Tool("from its twin, same size", "`prune.methods: twin`", "the elite", "yes", "compress/methods.py"),
    Tool("weights by size", "`prune.methods: magnitude`", "–", "yes, zeros stored", "compress/magnitude.py"),
    Tool(
        "neurons",
        "`prune.methods: structured`, `neurons_taylor`, `neurons_activation`",
        "training windows",
        "yes",
        "compress/importance.py",
    ),
    Tool(
        "charge features",
        "`prune.methods: features_l1`, `features_taylor`, `features_activation`",
        "training windows",
        "yes",
        "compress/importance.py",
    ),
    Tool("steps and knots (layers)", "`prune.methods: steps`, `knots`", "–", "yes", "compress/structure.py"),
    Tool("low rank", "`prune.methods: lowrank`", "–", "yes, as two factors", "compress/lowrank.py"),
    Tool("gradual pruning", "`prune.rounds` above 1", "–", "yes", "compress/stage2.py"),
    Tool(
        "branches behind a gate",
        "`students.branches` above 1, or several",
        "–",
        "yes, one branch runs",
        "models/branches.py",
    ),
    Tool(
        "branch pruning: a share, or rare ones",
        "`prune.methods: branches`, `rare_branches`",
        "training windows",
        "yes",
        "compress/branching.py",
    ),
    Tool(
        "training with the engine's rounding",
        "`prune.bits`: 8, 4, or several; with `prune.methods: same` nothing is pruned",
        "–",
        "yes",
        "models/quantised.py",
    ),
    Tool(
        "weights of 8 or 4 bits",
        "`quantise.bits: 8` or `4`",
        "training windows",
        "yes, 4 bits packed",
        "export/spec.py",
    ),
    Tool(
        "mixed bits by sensitivity",
        "`quantise.bits: auto`, `quantise.bits_slack`",
        "validation windows",
        "yes",
        "export/sensitivity.py",
    ),
    Tool("int16 activations", "always", "–", "yes", "export/fixed.py"),
)
