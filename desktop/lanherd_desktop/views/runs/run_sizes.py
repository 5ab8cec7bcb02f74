"""How much the files of runs hold, as far as their machines tell, before they are removed."""

from collections.abc import Sequence
from dataclasses import dataclass

from PySide6.QtCore import QCoreApplication

from lanherd_client.fleet import Fleet
from lanherd_desktop.bridge import Job
from lanherd_desktop.state import numbers
from lanherd_desktop.state.room import RunKey
from lanherd_protocol.errors import ErrorCode, LanherdError

RUNS_MAX = 50
"""Of so many runs the sizes are asked for; of more it would take too long to be told."""


@dataclass(frozen=True, slots=True)
class RunSizes:
    """Sums over runs. `partial`: of some nothing could be asked."""

    log_bytes: int = 0
    outputs: int = 0
    output_bytes: int = 0
    partial: bool = False


async def ask_sizes(keys: Sequence[RunKey], fleet: Fleet, job: Job[RunSizes]) -> RunSizes:
    """What the latest attempts of the runs left. A run that left nothing counts nothing."""
    log_bytes = outputs = output_bytes = 0
    partial = len(keys) > RUNS_MAX
    for machine, run in keys[:RUNS_MAX]:
        handle = fleet.run_at(machine, run)
        try:
            log_bytes += (await handle.describe_log()).stored_bytes
            listing = await handle.outputs()
        except LanherdError as problem:
            if problem.code is not ErrorCode.NOT_FOUND:
                raise
            continue
        partial = partial or listing.truncated
        outputs += sum(entry.kind != "directory" for entry in listing.entries)
        output_bytes += sum(entry.size_bytes for entry in listing.entries)
    return RunSizes(log_bytes, outputs, output_bytes, partial)


def sizes_text(sizes: RunSizes) -> str:
    """In one sentence."""
    if sizes.partial:
        template = QCoreApplication.translate(
            "RunSizes", "Logs hold {log} and outputs {output} at least."
        )
    elif sizes.outputs:
        template = QCoreApplication.translate(
            "RunSizes", "The log holds {log}, and {count} outputs hold {output}."
        )
    else:
        template = QCoreApplication.translate(
            "RunSizes", "The log holds {log}; there are no outputs."
        )
    return template.format(
        log=numbers.size(sizes.log_bytes),
        output=numbers.size(sizes.output_bytes),
        count=numbers.count(sizes.outputs),
    )
