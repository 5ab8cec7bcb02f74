"""How much the files of runs hold, as far as their machines tell, before they are removed."""

from collections.abc import Sequence
from dataclasses import dataclass

from PySide6.QtCore import QCoreApplication

from lanherd_client.fleet import Fleet
from lanherd_client.run import Run
from lanherd_desktop.bridge import Job
from lanherd_desktop.state import numbers
from lanherd_desktop.state.room import RunKey
from lanherd_protocol.errors import ErrorCode, LanherdError
from lanherd_protocol.log_messages import LogStream
from lanherd_protocol.states import RunView

ATTEMPTS_MAX = 50
"""Of so many attempts the sizes are asked for; of more it would take too long to be told."""


@dataclass(frozen=True, slots=True)
class RunSizes:
    """Sums over runs. `partial`: of some nothing could be asked, or not all is listed."""

    log_bytes: int = 0
    outputs: int = 0
    output_bytes: int = 0
    partial: bool = False


async def ask_sizes(
    runs: Sequence[tuple[RunKey, RunView]], fleet: Fleet, job: Job[RunSizes]
) -> RunSizes:
    """What all attempts of the runs left. An attempt that left nothing counts nothing."""
    places = [(key, view, number) for key, view in runs for number in range(1, view.attempt + 1)]
    found = RunSizes(partial=len(places) > ATTEMPTS_MAX)
    for (machine, run), view, attempt in places[:ATTEMPTS_MAX]:
        try:
            more = await _of_attempt(fleet.run_at(machine, run), view, attempt)
        except LanherdError as problem:
            if problem.code is not ErrorCode.NOT_FOUND:
                raise
            continue
        found = RunSizes(
            found.log_bytes + more.log_bytes,
            found.outputs + more.outputs,
            found.output_bytes + more.output_bytes,
            found.partial or more.partial,
        )
    return found


async def _of_attempt(run: Run, view: RunView, attempt: int) -> RunSizes:
    streams: tuple[LogStream, ...] = ("out", "err") if view.spec.log.split else ("out",)
    log_bytes = 0
    for stream in streams:
        log_bytes += (await run.describe_log(attempt=attempt, stream=stream)).stored_bytes
    listing = await run.outputs(attempt)
    return RunSizes(
        log_bytes,
        sum(entry.kind != "directory" for entry in listing.entries),
        sum(entry.size_bytes for entry in listing.entries),
        listing.truncated or listing.unlisted > 0,
    )


def sizes_text(sizes: RunSizes) -> str:
    """In one sentence."""
    if sizes.partial:
        template = QCoreApplication.translate(
            "RunSizes", "Logs hold {log} and outputs {output} at least."
        )
    elif sizes.outputs == 1:
        template = QCoreApplication.translate(
            "RunSizes", "The log holds {log}, and its one output {output}."
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
