"""What is needed to submit a run: its specification, and the project's way to the machine.

A run's id is made here, once; the same request is sent until it is answered, and the agent answers
the same id with the same reply. So a run is taken exactly once, however often the line is cut.
"""

import asyncio
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from msgspec import Raw
from msgspec.structs import replace

from lanherd_client.environment_choosing import plan, settle
from lanherd_client.environment_orders import AUTO, environment_order
from lanherd_client.home import controller_home
from lanherd_client.lines import SessionLine
from lanherd_client.orders import Order
from lanherd_client.projects.project import Project
from lanherd_client.projects.push import PushProgress, push_through
from lanherd_client.push_calls import open_project
from lanherd_client.sending import sendable
from lanherd_client.session import Session
from lanherd_client.sizes import format_size
from lanherd_protocol.codec import decode_body, encode_body
from lanherd_protocol.errors import ErrorCode, LanherdError, error
from lanherd_protocol.limits import (
    CONTROL_FRAME_BYTES_MAX,
    KIB,
    RUNS_PER_SUBMIT_MAX,
    SUBMIT_BYTES_MAX,
    SUBMITTED_BYTES_MAX,
)
from lanherd_protocol.messages import NewRun, RunsSubmitted, SubmitRuns, SubmitStream
from lanherd_protocol.methods import RUNS_SUBMIT, RUNS_SUBMIT_STREAM
from lanherd_protocol.states import RunView

EnvironmentChoice = str
"""'auto' (the project's), 'none', the name of an environment that is registered on the machine, or
the id of one of its environments, or the beginning of it."""
Stage = Literal["scan", "compare", "upload", "submit"]
VIEW_BYTES = 768
"""What a run's view holds at most beside the run's own description, when it was just taken."""
MESSAGE_BYTES_MAX = CONTROL_FRAME_BYTES_MAX - 128 * KIB
"""Of runs, and of their views, in one message; the rest is room for the frame."""


@dataclass(frozen=True, slots=True)
class Progress:
    """How far a submit is; bytes are those of the project, `rate_bytes_s` that of the last seconds.

    `notes` come once or twice: sentences about what was found in the project.
    """

    stage: Stage
    done_bytes: int
    total_bytes: int
    notes: tuple[str, ...] = ()
    rate_bytes_s: float | None = None
    left_s: float | None = None


_STAGES: dict[str, Stage] = {
    "scanning": "scan",
    "comparing": "compare",
    "sending": "upload",
    "done": "upload",
}


async def submit_to(
    session: Session,
    orders: Sequence[Order],
    folder: Path | None,
    environment: EnvironmentChoice,
    progress: Callable[[Progress], None] | None,
    home: Path | None = None,
) -> list[RunView]:
    """Pushes the project, where there is one, and submits the runs; the runs as they were taken.

    It is one submit: taken whole or not at all. Raises TOO_LARGE where it can't be one, and
    VERSION_MISMATCH for an agent that is too old for one of this size.
    """
    if len(orders) > RUNS_PER_SUBMIT_MAX:
        raise _too_large(
            f"It has {len(orders)} runs; one submit takes {RUNS_PER_SUBMIT_MAX}.",
            refusal="many_runs",
            runs=len(orders),
            runs_max=RUNS_PER_SUBMIT_MAX,
        )
    use = environment_order({"environment": environment}).use
    project = None
    if folder is not None:
        project = await asyncio.to_thread(open_project, folder, controller_home(home))
    described = None if project is None else project.described
    wishes = {order.environment for order in orders}
    planned = {wish: plan(wish.used(use), described) for wish in wishes}
    given: dict[str, Any] = {}
    if project is not None:
        if progress is not None and use == AUTO:
            progress(Progress("scan", 0, 0, project.notes))
        given = await _with_project(session, project, progress, home)
    snapshot = given.get("snapshot")
    chosen = {wish: await settle(session, one, snapshot) for wish, one in planned.items()}
    if progress is not None:
        progress(Progress("submit", 0, 0))
    news = [
        NewRun(
            run=order.id,
            spec=replace(order.spec, **given, environment=chosen[order.environment]),
            settings=order.settings,
            secrets=order.secrets,
        )
        for order in orders
    ]
    return await _taken(session, news)


async def _taken(session: Session, news: Sequence[NewRun]) -> list[RunView]:
    """The runs as they were taken: in one message where that holds them and its answer too, else in
    a stream."""
    submit = SubmitRuns(runs=tuple(news))
    with sendable():
        body = bytes(encode_body(submit))
    if len(body) + VIEW_BYTES * len(news) <= MESSAGE_BYTES_MAX or len(news) == 1:
        return list((await session.insist(RUNS_SUBMIT, submit)).runs)
    if len(body) > SUBMIT_BYTES_MAX:
        size, most = format_size(len(body)), format_size(SUBMIT_BYTES_MAX)
        raise _too_large(
            f"Its runs take {size}; one submit takes {most}.",
            refusal="many_bytes",
            size_bytes=len(body),
            size_bytes_max=SUBMIT_BYTES_MAX,
        )
    request = SubmitStream(size_bytes=len(body))
    try:
        answer = await session.insist_in_stream(
            RUNS_SUBMIT_STREAM, request, body, SUBMITTED_BYTES_MAX
        )
    except LanherdError as problem:
        if problem.code is ErrorCode.UNKNOWN_METHOD:
            raise _too_old(session.name, len(news)) from problem
        raise
    return list(decode_body(RunsSubmitted, Raw(answer)).runs)


def _too_large(why: str, *, refusal: str, **data: int) -> LanherdError:
    return error(
        ErrorCode.TOO_LARGE,
        "The submit is too large.",
        why,
        "Send the runs in several submits. Nothing was sent.",
        refusal=refusal,
        **data,
    )


def _too_old(machine: str, count: int) -> LanherdError:
    return error(
        ErrorCode.VERSION_MISMATCH,
        f"The Lanherd on {machine} is too old for so large a submit.",
        f"It takes no {count} runs at once. Nothing of them was taken.",
        f"Upgrade Lanherd on {machine}, or send the runs in several submits.",
        refusal="old_for_submit",
        machine=machine,
        runs=count,
    )


async def _with_project(
    session: Session,
    project: Project,
    progress: Callable[[Progress], None] | None,
    home: Path | None,
) -> dict[str, Any]:
    """Pushes the project; what the specification of a run in it says of it."""

    def report(told: PushProgress) -> None:
        if progress is not None:
            stage = _STAGES[told.phase]
            done, total = told.bytes_done, told.bytes_total
            progress(Progress(stage, done, total, told.notes, told.rate_bytes_s, told.left_s))

    line = SessionLine(session)
    pushed = await push_through(line, project.folder, report, home=home, project=project.name)
    return {"project": project.name, "snapshot": pushed.snapshot}
