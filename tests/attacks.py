"""``python -m tests.attacks``: writes the table of docs/security.md from ``tests/attacks.yaml``.

Each attack names the tests that try it. How often it is tried is the number of cases that pytest collects; limits that
an answer names are read from the code.
"""

from __future__ import annotations

import os
import subprocess
import sys
from collections import Counter
from dataclasses import dataclass, field
from importlib import import_module
from pathlib import Path

from ruamel.yaml import YAML

ROOT = Path(__file__).parent.parent
LIST = Path(__file__).parent / "attacks.yaml"
PAGE = ROOT / "docs/security.md"
BEGIN, END = "<!-- attacks -->", "<!-- /attacks -->"


@dataclass(frozen=True)
class Attack:
    """One attack.

    Attributes:
        on: what is attacked. attack: what is tried. answer: what happens instead; ``{name}`` is one of ``limits``.
        tests: pytest node ids without parameters, or files. limits: name -> ``module.CONSTANT``.
    """

    on: str
    attack: str
    answer: str
    tests: tuple[str, ...]
    limits: dict[str, str] = field(default_factory=dict)

    def text(self) -> str:
        """The answer with its limits.

        Raises:
            AttributeError: the code has no such constant.
        """
        found = {}
        for name, constant in self.limits.items():
            module, _, attribute = constant.rpartition(".")
            found[name] = f"{getattr(import_module(module), attribute):,.10g}"
        return self.answer.format(**found)


def load() -> list[Attack]:
    """The attacks of ``tests/attacks.yaml``."""
    return [Attack(**{**entry, "tests": tuple(entry["tests"])}) for entry in YAML(typ="safe").load(LIST)]


def collected(names: list[str]) -> Counter[str]:
    """Cases of each test, and of each file, that pytest collects.

    Raises:
        CalledProcessError: a test does not exist.
    """
    command = [sys.executable, "-m", "pytest", "--collect-only", "-p", "no:cacheprovider", "-p", "no:xdist"]
    plain = {name: value for name, value in os.environ.items() if name != "PYTEST_ADDOPTS"}  # which may print more
    done = subprocess.run([*command, *names], cwd=ROOT, env=plain, capture_output=True, text=True, check=True)
    cases: Counter[str] = Counter()
    for line in done.stdout.splitlines():
        name = line.partition("[")[0]
        if "::" in name:
            cases.update((name, name.partition("::")[0]))
    return cases


def table() -> str:
    """The rows of docs/security.md."""
    attacks = load()
    cases = collected(sorted({name for attack in attacks for name in attack.tests}))
    lines = ["| on | attack | what happens | cases | tests |", "|---|---|---|---|---|"]
    for attack in attacks:
        files = ", ".join(f"`{file}`" for file in sorted({name.partition("::")[0] for name in attack.tests}))
        tried = sum(cases[name] for name in attack.tests)
        lines.append(f"| {attack.on} | {attack.attack} | {attack.text()} | {tried} | {files} |")
    total = sum(cases[name] for name in {name for attack in attacks for name in attack.tests})
    return "\n".join([*lines, "", f"{len(attacks)} attacks, {total} cases."])


def page(text: str) -> str:
    """The page with a new table."""
    before, _, rest = text.partition(BEGIN)
    return f"{before}{BEGIN}\n{table()}\n{END}{rest.partition(END)[2]}"


if __name__ == "__main__":
    PAGE.write_text(page(PAGE.read_text()))
