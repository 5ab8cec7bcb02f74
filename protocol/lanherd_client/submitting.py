"""What is needed to submit a run: its specification, and the project's way to the machine.

A run's id is made here, once; the same request is sent until it is answered, and the agent answers
the same id with the same reply. So a run is taken exactly once, however often the line is cut.
"""

import asyncio
from collections.abc import AsyncIterable, Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal, TypeVar

from msgspec import Raw, Struct
from msgspec.structs import replace

from lanherd_client.orders import Order
from lanherd_client.projects.project import Project
from lanherd_client.projects.push import PushProgress, push
from lanherd_client.sending import sendable
from lanherd_client.session import LOST_CODES, Session
from lanherd_client.sizes import format_size
from lanherd_protocol.aio.peer import Peer
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
from lanherd_protocol.methods import RUNS_SUBMIT, RUNS_SUBMIT_STREAM, Method
from lanherd_protocol.states import RunView
from lanherd_protocol.values import NoEnvironment

EnvironmentChoice = Literal["auto", "none"]
Stage = Literal["scan", "compare", "upload", "submit"]
VIEW_BYTES = 768
"""What a run's view holds at most beside the run's own description, when it was just taken."""
MESSAGE_BYTES_MAX = CONTROL_FRAME_BYTES_MAX - 128 * KIB
"""Of runs, and of their views, in one message; the rest is room for the frame."""
Request = TypeVar("Request", bound=Struct)
Response = TypeVar("Response", bound=Struct)


@dataclass(frozen=True, slots=True)
class Progress:
    """How far a submit is; bytes are those of the project.

    `notes` come once, with the first progress: sentences about what was found in the project.
    """

    stage: Stage
    done_bytes: int
    total_bytes: int
    notes: tuple[str, ...] = ()


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
    given: dict[str, Any] = {}
    if folder is not None:
        given = await _with_project(session, folder, environment, progress)
    if progress is not None:
        progress(Progress("submit", 0, 0))
    news = [
        NewRun(
            run=order.id,
            spec=replace(order.spec, **given),
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
    folder: Path,
    environment: EnvironmentChoice,
    progress: Callable[[Progress], None] | None,
) -> dict[str, Any]:
    """Pushes the project; what the specification of a run in it says of it."""

    def report(pushed: PushProgress) -> None:
        if progress is not None:
            progress(Progress(_STAGES[pushed.phase], pushed.bytes_done, pushed.bytes_total))

    project = await asyncio.to_thread(Project.open, folder)
    if progress is not None and environment == "auto":
        progress(Progress("scan", 0, 0, project.notes))
    lost: Peer | None = None
    while True:
        # The first try fails where there is no connection; later ones wait for it to come back.
        peer = await (session.connected() if lost is None else session.reconnected(lost))
        try:
            pushed = await push(_Caller(session, peer), project.folder, report)
        except LanherdError as problem:
            if problem.code not in LOST_CODES:
                raise
            lost = peer
        else:
            break
    return {
        "project": project.name,
        "snapshot": pushed.snapshot,
        "environment": project.environment if environment == "auto" else NoEnvironment(),
    }


class _Caller:
    """A connection as the push needs it."""

    def __init__(self, session: Session, peer: Peer) -> None:
        self._session = session
        self._peer = peer

    async def call(
        self,
        method: Method[Request, Response],
        request: Request,
        *,
        upload: AsyncIterable[bytes] | None = None,
    ) -> Response:
        async with self._session.turns:
            return await self._peer.call(method, request, upload=upload)
