"""What a sweep would send, for a person to look at, and for a program to read."""

import os
import shlex
import shutil
import sys
from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING

import click

from lanherd_client.cli import shapes, talk, words
from lanherd_client.cli.terminal import one_line
from lanherd_client.sweeps.comparing import Comparison
from lanherd_client.sweeps.planning import Plan, PlannedRun
from lanherd_protocol.ids import RunId

if TYPE_CHECKING:
    from lanherd_client.mirror import MachineView

LINES_AROUND = 8
"""Of the screen: what is said before and after the table."""
_COLUMNS = (talk.Column("ROW"), talk.Column("NAME"), talk.Column("COMMAND"), talk.Column("REQUEST"))


def show_runs(runs: Sequence[PlannedRun]) -> None:
    """The runs as a table, page by page where the terminal can't hold it."""
    rows = [_row(run) for run in runs]
    screen = shutil.get_terminal_size().lines
    if sys.stdout.isatty() and len(rows) > screen - LINES_AROUND:
        click.echo_via_pager(_lines([[column.title for column in _COLUMNS], *rows]))
    else:
        talk.put_table(_COLUMNS, rows)


def _lines(rows: Sequence[Sequence[str]]) -> Iterator[str]:
    *widths, _ = (max(map(len, cells)) for cells in zip(*rows, strict=True))
    for *cells, last in rows:
        padded = (cell.ljust(width) for cell, width in zip(cells, widths, strict=True))
        yield f"{'  '.join([*padded, last]).rstrip()}{os.linesep}"


def _row(run: PlannedRun) -> Sequence[str]:
    variables = [f"{name}={shlex.quote(value)}" for name, value in run.variables.items()]
    command = " ".join([*variables, shlex.join(run.command)])
    return [one_line(text) for text in (run.place, run.name, command, request_words(run))]


def request_words(run: PlannedRun) -> str:
    """What a run asks for, such as '1 to 4 GPUs with 20.0 GB each, priority 5'."""
    priority = f", priority {run.priority}" if run.priority else ""
    return f"{words.gpus_asked(run.gpus)}{priority}"


def sweep_shape(
    plan: Plan,
    comparison: Comparison | None,
    machine: "MachineView | None",
    sent: Mapping[str, RunId] | None,
) -> shapes.Object:
    """A sweep as it would be sent, or was: `sent` has the runs of the keys that were taken.

    Without a comparison all that the rows ask for is listed as new.
    """
    new = plan.runs if comparison is None else comparison.new
    return {
        "sweep": plan.name,
        "machine": machine.machine if machine is not None else None,
        "machine_name": machine.name if machine is not None else None,
        "sent": sent is not None,
        "new": [_run_shape(run, sent or {}) for run in new],
        "already_there": None if comparison is None else len(comparison.there),
        "without_success": None if comparison is None else [v.run for v in comparison.ill],
        "gone": None if comparison is None else [view.run for view in comparison.gone],
        "done_rows": plan.done_rows,
        "warnings": list(plan.warnings),
    }


def _run_shape(run: PlannedRun, sent: Mapping[str, RunId]) -> shapes.Object:
    return {
        "run": sent.get(run.key),
        "row": run.place,
        "key": run.key,
        "name": run.name,
        "command": list(run.command),
        "variables": dict(run.variables),
        "gpus_requested": run.gpus.count,
        "gpus_requested_max": max(run.gpus.count, run.gpus.count_max),
        "vram_requested_bytes": run.gpus.vram_bytes,
        "exclusive": run.gpus.exclusive,
        "priority": run.priority,
    }
