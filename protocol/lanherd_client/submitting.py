"""What is needed to submit a run: its specification, and the project's way to the machine.

A run's id is made here, once; the same request is sent until it is answered, and the agent answers
the same id with the same reply. So a run is taken exactly once, however often the line is cut.
"""

import asyncio
from collections.abc import AsyncIterable, Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal, TypeVar

from msgspec import Struct
from msgspec.structs import replace

from lanherd_client.orders import Order
from lanherd_client.projects.project import Project
from lanherd_client.projects.push import PushProgress, push
from lanherd_client.sending import sendable
from lanherd_client.session import LOST_CODES, Session
from lanherd_protocol.aio.peer import Peer
from lanherd_protocol.codec import encode_body
from lanherd_protocol.errors import LanherdError
from lanherd_protocol.limits import CONTROL_FRAME_BYTES_MAX, KIB, RUNS_PER_SUBMIT_MAX
from lanherd_protocol.messages import NewRun, SubmitRuns
from lanherd_protocol.methods import RUNS_SUBMIT, Method
from lanherd_protocol.states import RunView
from lanherd_protocol.values import NoEnvironment

EnvironmentChoice = Literal["auto", "none"]
Stage = Literal["scan", "compare", "upload", "submit"]
VIEW_BYTES = 768
"""What a run's view holds at most beside the run's own description, when it was just taken."""
PART_BYTES_MAX = CONTROL_FRAME_BYTES_MAX - 128 * KIB
"""Of runs and of their views in one request and its answer; the rest is room for the frame."""
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

    As many as fit go in one request, and each request is taken whole or not at all.
    """
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
    views: list[RunView] = []
    for part in _parts(news):
        taken = await session.insist(RUNS_SUBMIT, SubmitRuns(runs=part))
        views += taken.runs
    return views


def _parts(news: Sequence[NewRun]) -> Iterator[tuple[NewRun, ...]]:
    """The runs in requests that a message holds, and whose answer one holds too."""
    part: list[NewRun] = []
    size_bytes = 0
    for new in news:
        with sendable():
            new_bytes = len(bytes(encode_body(new))) + VIEW_BYTES
        if part and (size_bytes + new_bytes > PART_BYTES_MAX or len(part) >= RUNS_PER_SUBMIT_MAX):
            yield tuple(part)
            part, size_bytes = [], 0
        part.append(new)
        size_bytes += new_bytes
    if part:
        yield tuple(part)


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
