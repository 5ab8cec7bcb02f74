"""The environment of a run, settled with the machine that it goes to.

What a person calls an environment, only that machine can tell; and packages are added to a
`uv.lock` there, upon the environment that is built from it.
"""

from collections.abc import Callable

from lanherd_client.environment_orders import (
    ID_CHARS,
    NONE,
    EnvironmentOrder,
    Grown,
    check_none,
    copy_of,
    spec_of,
    unchangeable,
)
from lanherd_client.projects.environment_files import NOTHING_FOUND, FolderEnvironment
from lanherd_client.session import LOST_CODES, Session
from lanherd_protocol.environment_messages import (
    BuildEnvironment,
    EnvironmentBuilt,
    EnvironmentDetails,
    InspectEnvironment,
)
from lanherd_protocol.errors import ErrorCode, LanherdError, error
from lanherd_protocol.ids import SnapshotId
from lanherd_protocol.methods import ENVIRONMENTS_BUILD, ENVIRONMENTS_INSPECT
from lanherd_protocol.values import EnvironmentSpec, NoEnvironment, RegisteredEnvironment

OnLog = Callable[[bytes], None]
Planned = EnvironmentSpec | Grown | EnvironmentOrder
"""A specification, or what only the machine can make one of."""


def plan(wanted: EnvironmentOrder, folder: FolderEnvironment | None = None) -> Planned:
    """What was said, read beside what the project's folder says, where there is one; before
    anything is sent. Raises `MisuseError` for what doesn't go together."""
    check_none(wanted)
    if folder is None:
        return _planned(wanted, NOTHING_FOUND)
    return _planned(wanted.over(folder.default), folder)


def _planned(wanted: EnvironmentOrder, folder: FolderEnvironment) -> Planned:
    if wanted.use == NONE:
        return NoEnvironment()
    return wanted if wanted.names_one else spec_of(wanted, folder.found, folder.loose)


async def settle(
    session: Session,
    planned: Planned,
    snapshot: SnapshotId | None = None,
    on_log: OnLog | None = None,
) -> EnvironmentSpec:
    """What the specification of a run says of its environment. `snapshot` is the project's, where
    there is one; `on_log` hears of what is built first, where that must be.

    Raises NOT_FOUND for an environment that the machine doesn't have, CONFLICT for one that can't
    be used now, and what `build` raises.
    """
    match planned:
        case EnvironmentOrder():
            return await _named(session, planned)
        case Grown(lock=lock):
            request = BuildEnvironment(spec=lock, snapshot=snapshot)
            built = await build(session, request, on_log)
            return planned.upon(built.environment.view.environment)
        case _:
            return planned


async def build(
    session: Session, request: BuildEnvironment, on_log: OnLog | None = None
) -> EnvironmentBuilt:
    """Has it built, and tells the log as it grows. After a cut it is asked again, as often as it
    takes; whoever cancels this cancels the build, unless others wait for it.

    Raises LOCK_UNRESOLVABLE, ENVIRONMENT_FAILED, TIMED_OUT, DISK_FULL and INVALID_REQUEST.
    """
    lost = None
    while True:
        peer = await (session.connected() if lost is None else session.reconnected(lost))
        try:
            async with peer.download(ENVIRONMENTS_BUILD, request) as download:
                async for data in download:
                    if on_log is not None:
                        on_log(data)
                return download.response
        except LanherdError as problem:
            if problem.code is ErrorCode.UNKNOWN_METHOD:
                raise too_old(session.name) from problem
            if problem.code not in LOST_CODES:
                raise
            lost = peer


async def inspect(session: Session, environment: str) -> EnvironmentDetails:
    """What a machine says of an environment: by its id, the beginning of that, or its name.

    Raises NOT_FOUND, and CONFLICT where several ids begin so.
    """
    try:
        request = InspectEnvironment(environment=environment)
        return await session.ask(ENVIRONMENTS_INSPECT, request)
    except LanherdError as problem:
        if problem.code is ErrorCode.UNKNOWN_METHOD:
            raise too_old(session.name) from problem
        raise


def too_old(machine: str) -> LanherdError:
    """Why a machine can't be asked about environments."""
    return error(
        ErrorCode.VERSION_MISMATCH,
        f"The Lanherd on {machine} is too old for that.",
        "It builds environments from locks for runs, and has no other verbs for them.",
        f"Upgrade Lanherd on {machine}.",
        refusal="old_for_environments",
        machine=machine,
    )


async def _named(session: Session, wanted: EnvironmentOrder) -> EnvironmentSpec:
    details = await inspect(session, wanted.use)
    if details.state == "registered":
        if wanted.details:
            raise unchangeable(wanted, f"The environment {details.name}")
        return RegisteredEnvironment(name=details.name)
    if details.state != "ready":
        raise _not_ready(session.name, details)
    return copy_of(wanted, details.view.environment)


_NOT_READY = {
    "building": ("It is being built now.", "Wait until it is there"),
    "waiting": ("It waits for its turn to be built.", "Wait until it is there"),
    "failed": ("Its build has failed.", "Mend what stood in its way, and build it again"),
    "damaged": ("Files of it are damaged.", "Repair it"),
}


def _not_ready(machine: str, details: EnvironmentDetails) -> LanherdError:
    environment = details.view.environment
    short = environment[:ID_CHARS]
    why, what = _NOT_READY[details.state]
    verb = "repair" if details.state == "damaged" else "log"
    return error(
        ErrorCode.CONFLICT,
        f"The environment {short} can't be used now.",
        why if not details.problem else f"{why} {details.problem}",
        f"{what}: see 'lanherd env {verb} {short} -m {machine}'.",
        refusal="environment_not_ready",
        environment=environment,
        state=details.state,
    )
