"""How a shim starts its attempt's command, and waits where the machine takes no process more.

Stdlib only: the launcher and every shim carry this.
"""

from __future__ import annotations

import errno
import os
import signal
import time

TYPE_CHECKING = False  # `typing` would cost more memory than the rest of this file
if TYPE_CHECKING:
    from typing import Any

if TYPE_CHECKING or __package__:
    from lanherd_agent.runs import cgroups, processes
else:
    import cgroups
    import processes

# What the command must get back: what Python or an ancestor ignores, and the launcher handles.
IGNORED = [int(n) for n in range(1, signal.NSIG) if signal.getsignal(n) is signal.SIG_IGN]
TO_RESET = [*IGNORED, *map(int, (signal.SIGINT, signal.SIGTERM, signal.SIGHUP, signal.SIGCHLD))]
PAUSES_S = 0.05, 0.1, 0.2, 0.4, 0.8, 1.6, 2.0
"""Between tries while the limit of processes is reached: in all, half of what the agent waits."""


def spawn(spec: dict[str, Any], fds: tuple[int, int], directory: str, folder: str) -> int:
    """The command's pid. A limit of processes that is reached may be a moment's: another run's."""
    for pause_s in PAUSES_S:
        try:
            return spawn_now(spec, fds, directory, folder)
        except BlockingIOError:
            time.sleep(pause_s)
    return spawn_now(spec, fds, directory, folder)


def spawn_now(spec: dict[str, Any], fds: tuple[int, int], directory: str, folder: str) -> int:
    """By posix_spawn (a vfork): a fork would copy 300 more pages, a third of a run's whole cost.
    Into a cgroup's `folder`, and with a niceness from its first instruction on (what it starts in
    sessions of their own would never get it), nothing but a fork of one's own can do it.

    The search in PATH is done here, since posix_spawnp would search our own.
    """
    name, env = spec["argv"][0], spec["env"] | {processes.MARK: directory}
    places = [""] if "/" in name else [f"{d or '.'}/" for d in search_path(env)]
    niceness = spec["niceness"]
    why: OSError = FileNotFoundError(errno.ENOENT, os.strerror(errno.ENOENT), name)
    for place in places:
        path = place + name
        try:
            if folder or niceness:
                return cgroups.spawn(folder, path, spec["argv"], env, fds, TO_RESET, niceness)
            return os.posix_spawn(
                path,
                spec["argv"],
                env,
                file_actions=[(os.POSIX_SPAWN_DUP2, fd, n) for n, fd in enumerate(fds, 1)],
                setsid=True,
                setsigmask=(),
                setsigdef=TO_RESET,
            )
        except (FileNotFoundError, NotADirectoryError) as error:
            if not place:
                raise
            if os.path.lexists(path):
                why = error  # it is there, but its interpreter isn't
        except OSError as error:
            why = error  # as execvp does: told if no later folder has it
    raise why


def search_path(env: dict[str, str]) -> list[str]:
    return env.get("PATH", os.defpath).split(":")
