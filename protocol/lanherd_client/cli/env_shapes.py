"""The JSON that `lanherd env` prints, and the words for what it says of environments. Keys are
added, never renamed or removed; null means 'not known'."""

from lanherd_client.cli import words
from lanherd_client.cli.shapes import Json, Object
from lanherd_client.environment_orders import ID_CHARS
from lanherd_client.mirror import MachineView
from lanherd_client.sizes import format_size
from lanherd_protocol.environment_messages import EnvironmentDetails, EnvironmentState

_BUILT: tuple[EnvironmentState, ...] = ("ready", "damaged")


def short_environment(details: EnvironmentDetails) -> str:
    """What people call it: its registered name, or the beginning of its id."""
    return details.name or details.view.environment[:ID_CHARS]


def is_built(details: EnvironmentDetails) -> bool:
    """Whether Lanherd has built it, so that it has a size."""
    return details.state in _BUILT


def shared_bytes(details: EnvironmentDetails) -> int:
    """What uv's cache, or another environment, holds of it too."""
    return max(details.view.size_bytes - details.own_bytes, 0)


def environment_shape(
    machine: MachineView, details: EnvironmentDetails, packages: bool = False
) -> Object:
    """An environment of a machine. `size_bytes` are all of its files, `own_bytes` what removing it
    would free, `shared_bytes` the rest."""
    view, built = details.view, is_built(details)
    shape: Object = {
        "environment": view.environment,
        "short": view.environment[:ID_CHARS],
        "name": details.name or None,
        "machine": machine.machine,
        "machine_name": machine.name,
        "state": details.state,
        "source": details.source,
        "python_version": view.python_version,
        "interpreter": details.interpreter,
        "size_bytes": view.size_bytes if built else None,
        "own_bytes": details.own_bytes if built else None,
        "shared_bytes": shared_bytes(details) if built else None,
        "built_at": view.built_at if built else None,
        "build_seconds": view.build_seconds if built else None,
        "used_at": details.used_at,
        "runs": list(details.runs),
        "problem": details.problem or None,
        "from_source": list(details.from_source),
    }
    if packages:
        found: list[Json] = [
            {"name": one.name, "version": one.version, "size_bytes": one.size_bytes or None}
            for one in details.packages
        ]
        shape["packages"] = found
    return shape


def size_text(details: EnvironmentDetails, size_bytes: int) -> str:
    """A size of it; nothing for what isn't Lanherd's."""
    return format_size(size_bytes) if is_built(details) else ""


def used_text(details: EnvironmentDetails, now: float) -> str:
    """When a run last used it."""
    if details.used_at is None:
        return "never" if is_built(details) else ""
    return f"{words.duration(now - details.used_at)} ago"


def runs_text(count: int) -> str:
    return "1 run" if count == 1 else f"{count} runs"
