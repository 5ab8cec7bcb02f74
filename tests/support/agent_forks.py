"""Agents that begin loaded: a process that has the agent's modules forks for each of them.

Loading takes most of the processor time of an agent's start, and hundreds are started. A forked one
has what an executed one has: an environment, a working directory, standard streams, descriptors and
arguments of its own, the signals' defaults, and the whole end of an interpreter. It is no child of
the test's process, which hears of its end through a socket.
"""

import contextlib
import gc
import importlib
import json
import os
import select
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

WITHIN_S = 60.0
_LOADED = (
    "lanherd_agent.app",
    "lanherd_agent.gpu.probe_process",
    "lanherd_agent.gpu.scripted",
    # What making an identity loads.
    "cryptography.x509",
)
# What an interpreter and its modules read as they begin, and not again. (TZ is read again.)
_AT_START = ("LANHERD_FAIL_POINTS", "LANG", "LC_", "LD_", "MALLOC_", "PYTHON")
_REQUEST_BYTES_MAX = 1 << 18
_PID_BYTES_MAX = 32
_ROOT = Path(__file__).parents[2]
_SERVE = (
    "import sys; from tests.support import agent_forks as f; sys.exit(f.serve(int(sys.argv[1])))"
)


class ForkedAgent:
    """As much of a `Popen` as is used of one."""

    def __init__(self, pid: int, pidfd: int, end: socket.socket) -> None:
        self.pid = pid
        self._pidfd = pidfd
        self._end = end
        self._code: int | None = None

    def poll(self) -> int | None:
        return self._heard(0)

    def wait(self, timeout: float | None = None) -> int:
        code = self._heard(timeout)
        if code is None:
            raise subprocess.TimeoutExpired(f"forked agent {self.pid}", timeout or 0)
        return code

    def terminate(self) -> None:
        self._send(signal.SIGTERM)

    def kill(self) -> None:
        self._send(signal.SIGKILL)

    def _send(self, number: signal.Signals) -> None:
        if self.poll() is None:
            with contextlib.suppress(ProcessLookupError):
                signal.pidfd_send_signal(self._pidfd, number)

    def _heard(self, timeout_s: float | None) -> int | None:
        if self._code is None and select.select([self._end], [], [], timeout_s)[0]:
            self._code = int(self._end.recv(64))
            self._end.close()
            os.close(self._pidfd)
        return self._code


class AgentForks:
    """The process that forks, seen from the tests'."""

    def __init__(self) -> None:
        self._begun_with = _read_at_start(os.environ)
        self._socket, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        with theirs:
            self._process = subprocess.Popen(
                [sys.executable, "-P", "-c", _SERVE, str(theirs.fileno())],
                stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL,
                pass_fds=[theirs.fileno()],
                cwd=_ROOT,
                env={**os.environ, "PYTHONPATH": str(_ROOT)},
            )
        self._socket.settimeout(WITHIN_S)

    def suits(self, environment: Mapping[str, str]) -> bool:
        """Whether this environment says nothing else to what has been read already."""
        return _read_at_start(environment) == self._begun_with

    def start(
        self, arguments: Sequence[str], environment: Mapping[str, str], log: int
    ) -> ForkedAgent:
        """`lanherd-agent` with these arguments, in the working directory of now; what it prints
        goes to the file `log`."""
        asked: dict[str, Any] = {
            "argv": list(arguments),
            "env": dict(environment),
            "cwd": str(Path.cwd()),
        }
        asked["umask"] = os.umask(0)
        os.umask(asked["umask"])
        ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        with theirs:
            socket.send_fds(self._socket, [json.dumps(asked).encode()], [log, theirs.fileno()])
        told, descriptors, _, _ = socket.recv_fds(
            self._socket, _PID_BYTES_MAX, 1, socket.MSG_CMSG_CLOEXEC
        )
        assert told, "the process that forks agents has ended"
        return ForkedAgent(int(told), descriptors[0], ours)

    def close(self) -> None:
        # It ends when nobody can ask any more.
        self._socket.close()
        self._process.wait(WITHIN_S)


def _read_at_start(environment: Mapping[str, str]) -> dict[str, str]:
    return {name: value for name, value in environment.items() if name.startswith(_AT_START)}


_loaded: list[AgentForks] = []


def forks() -> AgentForks | None:
    """The process that forks, where there is one."""
    return _loaded[-1] if _loaded else None


@contextmanager
def loaded() -> Iterator[None]:
    """The process that forks, from before the first test to after the last."""
    _loaded.append(AgentForks())
    try:
        yield
    finally:
        _loaded.pop().close()


# --- That process ---------------------------------------------------------------------------------


def serve(number: int) -> int:
    """Forks for each request, and tells each agent's end. In a fork: its agent's exit code."""
    for name in _LOADED:
        importlib.import_module(name)
    from lanherd_agent.cli import main

    gc.freeze()
    asking = socket.socket(fileno=number)
    ends: dict[int, tuple[int, int]] = {}
    while True:
        for ready in select.select([number, *ends], [], [])[0]:
            if ready != number:
                _tell_end(ready, *ends.pop(ready))
                continue
            request, descriptors, _, _ = socket.recv_fds(asking, _REQUEST_BYTES_MAX, 2)
            if not request:
                return 0
            log, end = descriptors
            pid = os.fork()
            if pid == 0:
                # Its descriptor is closed below, and may then be another's.
                asking.detach()
                _become(json.loads(request), log)
                return main()
            pidfd = os.pidfd_open(pid)
            ends[pidfd] = (pid, end)
            socket.send_fds(asking, [str(pid).encode()], [pidfd])
            os.close(log)


def _tell_end(pidfd: int, pid: int, end: int) -> None:
    _, status = os.waitpid(pid, 0)
    with contextlib.suppress(BrokenPipeError):
        os.write(end, str(os.waitstatus_to_exitcode(status)).encode())
    os.close(end)
    os.close(pidfd)


def _become(asked: dict[str, Any], log: int) -> None:
    os.dup2(log, 1)
    os.dup2(log, 2)
    os.closerange(3, os.sysconf("SC_OPEN_MAX"))
    os.environ.clear()
    os.environ.update(asked["env"])
    time.tzset()
    os.umask(asked["umask"])
    os.chdir(asked["cwd"])
    sys.argv = ["lanherd-agent", *asked["argv"]]
