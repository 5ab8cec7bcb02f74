"""The `lanherd` command as a script runs it: a process of its own, its output, its exit code.

Loading the command takes longer than most of what it does, so it is loaded once, in a process that
forks for each call. What is about starting, signals or a terminal starts `LANHERD` itself.
"""

import json
import os
import select
import subprocess
import sys
import tempfile
import time
import traceback
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from pathlib import Path
from typing import Any, TextIO

LANHERD = (
    sys.executable,
    "-c",
    "from lanherd_client.cli.main import main; raise SystemExit(main())",
)
WITHIN_S = 60.0
_SERVE = (sys.executable, "-P", "-c", "from tests.support.lanherd_command import serve; serve()")
_LOADED = (
    *(f"lanherd_client.{name}" for name in ("fleet", "cli.start", "cli.runs", "cli.show")),
    *(f"lanherd_client.{name}" for name in ("cli.logs", "cli.look", "cli.change")),
    # What making an identity loads.
    "cryptography.x509",
)


def call(*arguments: str, cwd: Path | None = None) -> "subprocess.CompletedProcess[bytes]":
    """What the command says, in the environment of now. TimeoutExpired after a minute."""
    with tempfile.TemporaryDirectory() as name:
        out, err = Path(name) / "out", Path(name) / "err"
        asked = {
            "argv": arguments,
            "env": dict(os.environ),
            "cwd": str(cwd or Path.cwd()),
            "out": str(out),
            "err": str(err),
        }
        code = _ask(_server(), asked)
        return subprocess.CompletedProcess(
            ["lanherd", *arguments], code, out.read_bytes(), err.read_bytes()
        )


def call_text(*arguments: str, cwd: Path | None = None) -> "subprocess.CompletedProcess[str]":
    """As `call`, in text as it was printed: carriage returns stay."""
    done = call(*arguments, cwd=cwd)
    return subprocess.CompletedProcess(
        done.args, done.returncode, done.stdout.decode(), done.stderr.decode()
    )


@cache
def _server() -> "subprocess.Popen[str]":
    return subprocess.Popen(
        _SERVE,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        cwd=Path(__file__).parents[2],
        env={**os.environ, "PYTHONPATH": str(Path(__file__).parents[2])},
    )


@contextmanager
def loaded() -> Iterator[None]:
    """The process that forks, from before the first test to after the last."""
    _server()
    try:
        yield
    finally:
        server = _server()
        _server.cache_clear()
        # It ends when it has nothing more to read.
        server.communicate(timeout=WITHIN_S)


def _ask(server: "subprocess.Popen[str]", asked: dict[str, Any]) -> int:
    assert server.stdin is not None and server.stdout is not None
    server.stdin.write(json.dumps(asked) + "\n")
    server.stdin.flush()
    ready, _, _ = select.select([server.stdout], [], [], WITHIN_S)
    if not ready:
        server.kill()
        server.wait()
        _server.cache_clear()
        raise subprocess.TimeoutExpired(list(asked["argv"]), WITHIN_S)
    return int(server.stdout.readline())


def serve() -> None:
    """Forks for each line of standard input, and answers it with an exit code."""
    for name in _LOADED:
        __import__(name)
    answers = os.fdopen(os.dup(1), "w", encoding="utf-8")
    for line in sys.stdin:
        _serve(json.loads(line), answers)


def _serve(asked: dict[str, Any], answers: TextIO) -> None:
    pid = os.fork()
    if pid == 0:
        code = 1
        try:
            code = _be(asked)
        except BaseException:
            traceback.print_exc()
        finally:
            for stream in (sys.stdout, sys.stderr):
                stream.flush()
            os._exit(code)
    _, status = os.waitpid(pid, 0)
    print(os.waitstatus_to_exitcode(status), file=answers, flush=True)


def _be(asked: dict[str, Any]) -> int:
    from lanherd_client.cli.main import main

    for number, path in ((0, os.devnull), (1, asked["out"]), (2, asked["err"])):
        flags = os.O_RDONLY if number == 0 else os.O_WRONLY | os.O_CREAT
        opened = os.open(path, flags, 0o600)
        os.dup2(opened, number)
        os.close(opened)
    os.environ.clear()
    os.environ.update(asked["env"])
    time.tzset()
    os.chdir(asked["cwd"])
    sys.argv = ["lanherd", *asked["argv"]]
    return main()
