"""uv: the only place here that starts processes.

uv runs in a session of its own with a variable in its environment by which everything that it
starts can be found again: the builds of source distributions run code of strangers, and when a
build is cancelled, or the agent that began it was killed, nothing of it may go on.
"""

import asyncio
import contextlib
import json
import os
import platform
import re
import signal
import sys
import sysconfig
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import uv

from lanherd_agent.envs.lock import Interpreter
from lanherd_protocol.errors import ErrorCode, error

MARK = "LANHERD_ENVIRONMENT_BUILD"
PROBE_TIMEOUT_S = 30.0
WATCH_S = 0.2
KILL_ROUNDS_MAX = 20
"""A process that hangs in the kernel can't die yet; it isn't waited for."""
TAIL_BYTES_MAX = 8192
TAIL_LINES_MAX = 40
LOG_READ_BYTES_MAX = 65536

_PASSED = frozenset(
    {
        "ALL_PROXY", "CC", "CFLAGS", "CUDA_HOME", "CXX", "CXXFLAGS", "HOME", "HTTPS_PROXY",
        "HTTP_PROXY", "LANG", "LDFLAGS", "LD_LIBRARY_PATH", "LOGNAME", "NETRC", "NO_PROXY", "PATH",
        "SSL_CERT_DIR", "SSL_CERT_FILE", "SSL_CLIENT_CERT", "TMPDIR", "USER", "UV_CONFIG_FILE",
        "UV_DEFAULT_INDEX", "UV_EXTRA_INDEX_URL", "UV_FIND_LINKS", "UV_HTTP_RETRIES",
        "UV_HTTP_TIMEOUT", "UV_INDEX", "UV_INDEX_STRATEGY", "UV_INDEX_URL", "UV_INSECURE_HOST",
        "UV_KEYRING_PROVIDER", "UV_NATIVE_TLS", "UV_OFFLINE", "UV_PYTHON_DOWNLOADS_JSON_URL",
        "UV_PYTHON_INSTALL_DIR", "UV_PYTHON_INSTALL_MIRROR", "UV_SYSTEM_CERTS", "XDG_CONFIG_HOME",
        "XDG_DATA_HOME",
        "all_proxy", "http_proxy", "https_proxy", "no_proxy",
    }
)  # fmt: skip
_PASSED_PREFIXES = ("LC_", "UV_INDEX_")
# What pip's users have set already means the same to uv under another name.
_PIP_NAMES = {
    "PIP_INDEX_URL": "UV_DEFAULT_INDEX",
    "PIP_EXTRA_INDEX_URL": "UV_INDEX",
    "PIP_FIND_LINKS": "UV_FIND_LINKS",
    "PIP_CERT": "SSL_CERT_FILE",
}
_TERMINAL = re.compile(r"\x1b(?:\[[0-?]*[ -/]*[@-~]|\][^\x07\x1b]*(?:\x07|\x1b\\\\)?|.)")
"""Escape sequences: CSI (colours), OSC (links), and those of two characters."""
_PROBE = (
    "import json, platform, sys, sysconfig;"
    "print(json.dumps([platform.python_version(), sys.implementation.name,"
    " sysconfig.get_platform(), sysconfig.get_config_var('SOABI') or '']))"
)


@dataclass(frozen=True, slots=True)
class Outcome:
    """How a call of uv ended: its exit code and its own last words."""

    code: int
    words: str


def uv_variables(variables: Mapping[str, str], cache: Path) -> dict[str, str]:
    """uv's environment: which index, which certificates, which proxy, and nothing else."""
    kept = {
        name: text
        for name, text in variables.items()
        if name in _PASSED or name.startswith(_PASSED_PREFIXES)
    }
    for pip_name, name in _PIP_NAMES.items():
        text = variables.get(pip_name, "")
        if text and name not in kept:
            # pip separates locations by spaces; uv separates --find-links by commas.
            kept[name] = ",".join(text.split()) if name == "UV_FIND_LINKS" else text
    return kept | {
        "NO_COLOR": "1",
        "PYTHONDONTWRITEBYTECODE": "1",
        "UV_CACHE_DIR": str(cache),
        "UV_NO_PROGRESS": "1",
        "UV_PYTHON_DOWNLOADS": "never",
    }


def without_index(variables: Mapping[str, str]) -> bool:
    """Whether the machine is to use no index; uv knows this only as an argument."""
    said = (variables.get(name, "").lower() for name in ("UV_NO_INDEX", "PIP_NO_INDEX"))
    return any(text in ("1", "true", "yes", "on") for text in said)


class UvTool:
    """Runs uv on behalf of one home; `mark` tells its processes from those of other homes."""

    def __init__(
        self, cache: Path, mark: str, variables: Mapping[str, str], binary: str | None = None
    ) -> None:
        self._binary = binary or uv.find_uv_bin()
        self._mark = mark
        self.cache = cache
        self._variables = uv_variables(variables, cache) | {MARK: mark}
        self._version = ""
        self.index_arguments = ("--no-index",) if without_index(variables) else ()
        """To be given to every call that looks for packages."""

    @property
    def variables(self) -> Mapping[str, str]:
        """What uv hears of the agent's environment."""
        return self._variables

    async def version(self) -> str:
        """uv's own words about its version; empty where it can't be run."""
        if not self._version:
            self._version = (await self._capture([self._binary, "--version"]) or "").strip()
        return self._version

    async def run(
        self,
        arguments: Sequence[str],
        *,
        folder: Path,
        log: Path,
        on_line: Callable[[str], None],
        variables: Mapping[str, str] | None = None,
    ) -> Outcome:
        """Runs uv with its output appended to `log`; the last line is reported as it changes.

        Cancelling kills everything that uv has started before it returns.
        """
        with log.open("ab", buffering=0) as output:
            output.write(f"$ uv {' '.join(arguments)}\n".encode())
            begin = output.tell()
            process = await asyncio.create_subprocess_exec(
                self._binary,
                *arguments,
                cwd=folder,
                env=self._variables | dict(variables or {}),
                stdin=asyncio.subprocess.DEVNULL,
                stdout=output,
                stderr=output,
                start_new_session=True,
            )
        try:
            code = await self._watch(process, log, begin, on_line)
        except BaseException:
            self.kill_all()
            with contextlib.suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGKILL)
            await process.wait()
            raise
        return Outcome(code, last_words(log, begin))

    async def find_python(self, request: str, folder: Path | None = None) -> Interpreter | None:
        """The Python on this machine that answers a version request; nothing is downloaded.
        `folder`: among those that uv has brought there."""
        where = ("--system",) if folder is None else ("--managed-python",)
        found = await self._capture(
            [self._binary, "python", "find", "--no-project", *where, "--", request],
            self._beside_shims() | ({"UV_PYTHON_INSTALL_DIR": str(folder)} if folder else {}),
        )
        if found is None:
            return None
        return await self.inspect_python(found.strip())

    async def list_pythons(self) -> tuple[str, ...]:
        """The versions of the machine's Pythons, the newest first."""
        said = await self._capture(
            [self._binary, "python", "list", "--only-installed", "--output-format", "json"],
            self._beside_shims(),
        )
        return () if said is None else tuple(str(one["version"]) for one in json.loads(said))

    async def list_packages(self, python: str) -> tuple[tuple[str, str], ...]:
        """Name and version of what an interpreter has; nothing where it can't be asked."""
        said = await self._capture(
            [self._binary, "pip", "list", "--python", python, "--format", "json"]
        )
        found = [] if said is None else json.loads(said)
        return tuple((str(one["name"]), str(one["version"])) for one in found)

    async def inspect_python(self, path: str) -> Interpreter | None:
        """What the interpreter at `path` says of itself; None when it can't be run or is none."""
        said = await self._capture([path, "-I", "-S", "-c", _PROBE])
        if said is None:
            return None
        try:
            version, implementation, platform, binary_interface = json.loads(said)
        except ValueError:
            return None
        return Interpreter(path, version, implementation, f"{platform} {binary_interface}")

    def kill_all(self) -> int:
        """Kills every process that carries the mark of this home; how many signals it took.

        It looks again until none is left, since one may have been starting another.
        """
        killed = 0
        for _ in range(KILL_ROUNDS_MAX):
            found = [pid for pid in _processes() if self._is_marked(pid)]
            if not found:
                break
            killed += sum(self._kill(pid) for pid in found)
        return killed

    def _beside_shims(self) -> dict[str, str]:
        """The search path with the versions of a version manager in place of its shims, which bear
        the names of Pythons that they don't start; uv gives up at the first such."""
        places: list[str] = []
        for place in self._variables.get("PATH", "").split(os.pathsep):
            versions = Path(place).parent / "versions"
            if Path(place).name == "shims" and versions.is_dir():
                places += sorted((str(one) for one in versions.glob("*/bin")), reverse=True)
            else:
                places.append(place)
        return {"PATH": os.pathsep.join(places)}

    async def _watch(
        self,
        process: asyncio.subprocess.Process,
        log: Path,
        begin: int,
        on_line: Callable[[str], None],
    ) -> int:
        told = ""
        while True:
            try:
                async with asyncio.timeout(WATCH_S):
                    return await process.wait()
            except TimeoutError:
                line = last_words(log, begin).rpartition("\n")[2]
                if line and line != told:
                    told = line
                    on_line(line)

    async def _capture(
        self, command: Sequence[str], variables: Mapping[str, str] | None = None
    ) -> str | None:
        try:
            process = await asyncio.create_subprocess_exec(
                *command,
                env=self._variables | dict(variables or {}),
                stdin=asyncio.subprocess.DEVNULL,
                stdout=asyncio.subprocess.PIPE,
                stderr=asyncio.subprocess.DEVNULL,
                start_new_session=True,
            )
        except OSError:
            return None
        try:
            async with asyncio.timeout(PROBE_TIMEOUT_S):
                said, _ = await process.communicate()
        except BaseException as stopped:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGKILL)
            await process.wait()
            if isinstance(stopped, TimeoutError):
                raise error(
                    ErrorCode.TIMED_OUT,
                    "Looking for a Python took too long.",
                    f"{command[0]} didn't answer within {PROBE_TIMEOUT_S:.0f} s.",
                    "Look at that machine's Python installations.",
                    refusal="python_search",
                    command=command[0],
                    timeout_s=PROBE_TIMEOUT_S,
                ) from stopped
            raise
        return said.decode("utf-8", "replace") if process.returncode == 0 else None

    def _is_marked(self, pid: int) -> bool:
        try:
            environment = Path(f"/proc/{pid}/environ").read_bytes()
        except OSError:
            return False
        return f"{MARK}={self._mark}".encode() in environment.split(b"\0")

    def _kill(self, pid: int) -> int:
        """Looks again when it holds the process, since the number may be another's by now."""
        try:
            handle = os.pidfd_open(pid)
        except OSError:
            return 0
        try:
            if not self._is_marked(pid):
                return 0
            signal.pidfd_send_signal(handle, signal.SIGKILL)
        except ProcessLookupError:
            return 0
        finally:
            os.close(handle)
        return 1


def this_python() -> Interpreter:
    """The interpreter that runs the agent."""
    binary_interface = sysconfig.get_config_var("SOABI") or ""
    return Interpreter(
        sys.executable,
        platform.python_version(),
        sys.implementation.name,
        f"{sysconfig.get_platform()} {binary_interface}",
    )


def last_words(log: Path, begin: int) -> str:
    """uv's error, or else its last lines, of what was logged from offset `begin` on."""
    with log.open("rb") as file:
        size = file.seek(0, os.SEEK_END)
        file.seek(max(begin, size - LOG_READ_BYTES_MAX))
        text = file.read(LOG_READ_BYTES_MAX).decode("utf-8", "ignore")
    lines = [_plain(line) for line in text.strip().splitlines()]
    starts = [number for number, line in enumerate(lines) if line.startswith("error:")]
    if starts:
        lines = lines[starts[-1] :][:TAIL_LINES_MAX]
    return "\n".join(lines[-TAIL_LINES_MAX:])[-TAIL_BYTES_MAX:]


def _plain(line: str) -> str:
    """Without colours and what else only a terminal understands."""
    bare = _TERMINAL.sub("", line).replace("\t", " ")
    return "".join(char for char in bare if char.isprintable() and char != "\ufffd").rstrip()


def _processes() -> list[int]:
    return [int(name) for name in os.listdir("/proc") if name.isdigit()]
