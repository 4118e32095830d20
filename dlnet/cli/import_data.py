"""``dlnet data import``: shows a proposal, asks section by section, and writes params.yaml and a new task's file."""

from __future__ import annotations

import sys
from io import StringIO
from pathlib import Path
from typing import Any

import typer
from rich.table import Table
from ruamel.yaml import YAML

from dlnet.cli.doctor import tracked
from dlnet.cli.set_params import set_params
from dlnet.config.base import PARAMS
from dlnet.config.quantities import TASKS
from dlnet.errors import DLNetError
from dlnet.files import write_bytes, write_text
from dlnet.importing import Choices, Proposal, Section, Settings, look
from dlnet.importing.look import check
from dlnet.report.tables import show

NOT_ASKED = 2
"""Exit code where nobody can be asked: nothing was written."""


def run_import(folder: Path, choices: Choices, yes: bool) -> None:
    """Look at a folder, show what was found, ask, and write.

    Raises:
        DLNetError: the folder cannot be used; nothing was written.
        typer.Exit: a section that must be taken was declined, or nobody could be asked.
    """
    settings = Settings.load()
    proposal = look(folder, settings, choices)
    asked = not yes and sys.stdin.isatty()
    declined = _answers(proposal, asked)
    values = proposal.values(declined)
    changes = _changes(proposal, values)
    _show_findings(proposal)
    _show_changes(proposal, changes)
    if not yes and not asked:
        print("Nothing was written: run again with --yes, or in a terminal to be asked.", file=sys.stderr)
        raise typer.Exit(NOT_ASKED)
    if declined:
        check(proposal, values)
    _write(proposal, changes)
    print("Next: dvc repro prepare, then dlnet data report.")
    for found in tracked(Path.cwd()):
        if not found.ok:
            print(f"For dvc exp run --temp and dvc queue: {found.found}; {found.fix}.")


def _answers(proposal: Proposal, asked: bool) -> list[str]:
    """Show each section; returns the titles of those that are declined."""
    declined = []
    for section in proposal.sections:
        show(_section_table(section))
        if not asked or typer.confirm(f"{section.title}: take this?", default=True):
            continue
        if section.without is None:
            print(f"Nothing was written. To choose otherwise: {section.options}", file=sys.stderr)
            raise typer.Exit(1)
        declined.append(section.title)
    return declined


def _section_table(section: Section) -> Table:
    table = Table(title=section.title, show_header=False)
    table.add_column()
    table.add_column(overflow="fold")
    for line in section.lines:
        table.add_row(*line)
    return table


def _show_findings(proposal: Proposal) -> None:
    table = Table(title="Findings: what is odd, and does not stop the run")
    for name in ("kind", proposal.quantities.asset.one, "rows", "what was found"):
        table.add_column(name, overflow="fold")
    for finding in proposal.findings:
        table.add_row(finding.kind.value, finding.asset, finding.rows_shown, finding.text)
    if proposal.findings:
        show(table)
    for note in proposal.notes:
        print(note)


def _changes(proposal: Proposal, values: dict[str, Any]) -> dict[str, Any]:
    """Values that params.yaml does not have yet."""
    now = proposal.settings.model_dump(mode="json")
    return {key: value for key, value in values.items() if _at(now, key) != value}


def _at(document: Any, key: str) -> Any:
    for name in key.split("."):
        document = document[name]
    return document


def _show_changes(proposal: Proposal, changes: dict[str, Any]) -> None:
    if proposal.table is not None:
        print(f"\n{cycles_file(proposal)}: the cycles of the raw time series, {len(proposal.table):,} bytes")
    if proposal.task_text is not None:
        print(f"\ntasks/{proposal.quantities.name}.yaml (new):\n\n{proposal.task_text}")
    print(f"\n{PARAMS}:" if changes else f"\n{PARAMS}: nothing to change.")
    for key, value in changes.items():
        print(f"  {key}: {as_yaml(value)}")


def as_yaml(value: object) -> str:
    """A value as YAML on one line."""
    yaml: Any = YAML(typ="safe", pure=True)
    yaml.sort_base_mapping_type_on_output = False
    yaml.default_flow_style, yaml.width, yaml.allow_unicode = True, 1 << 20, True
    stream = StringIO()
    yaml.dump({"value": value}, stream)
    return stream.getvalue().strip().removeprefix("{value:").removesuffix("}").strip()


def cycles_file(proposal: Proposal) -> Path:
    """Where the cycles of raw time series are written."""
    return Path(proposal.values()["data.path"]) / "cycles.parquet"


def _write(proposal: Proposal, changes: dict[str, Any]) -> None:
    """Write the table of cycles and the new task, then params.yaml; the task is removed if that is refused."""
    if proposal.table is not None:
        write_bytes(cycles_file(proposal), proposal.table)
    task = TASKS / f"{proposal.quantities.name}.yaml"
    if proposal.task_text is not None:
        write_text(task, proposal.task_text)
    try:
        set_params([f"{key}={as_yaml(value)}" for key, value in changes.items()])
    except DLNetError:
        if proposal.task_text is not None:
            task.unlink()
        raise
