"""What an environment is built from: a lock for one interpreter."""

from dataclasses import dataclass

from lanherd_agent.envs.lock import Interpreter, LockKind, environment_id
from lanherd_protocol.ids import EnvironmentId


@dataclass(frozen=True, slots=True)
class Recipe:
    """`name` is what people call the lock. `is_resolved`: this machine has made it.

    Whether something may be built from source doesn't make it another environment.
    """

    environment: EnvironmentId
    name: str
    kind: LockKind
    lock: bytes
    interpreter: Interpreter
    extras: tuple[str, ...] = ()
    groups: tuple[str, ...] = ()
    wheels_only: bool = False
    is_resolved: bool = False


def recipe_of(
    name: str,
    kind: LockKind,
    lock: bytes,
    interpreter: Interpreter,
    *,
    extras: tuple[str, ...] = (),
    groups: tuple[str, ...] = (),
    wheels_only: bool = False,
    is_resolved: bool = False,
) -> Recipe:
    environment = environment_id(kind, lock, interpreter, extras, groups)
    return Recipe(
        environment, name, kind, lock, interpreter, extras, groups, wheels_only, is_resolved
    )
