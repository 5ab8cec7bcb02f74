"""Runs a pre command, the command and a post command, as one process to whom it may concern.

The launcher and the shim know nothing of stages: this is the attempt's command then. It ends as the
command did (by its code, or by its signal), and the run directory's stages.json says how each stage
ended:

    pre      must succeed (code 0), or the command does not run and the attempt ends as `pre` did
    command
    post     always runs last, also after a failed `pre`; its environment says how the one before it
             ended (LANHERD_EXIT_CODE or LANHERD_SIGNAL); its own end changes nothing

A stop signals each process of the attempt's tree, this one too, which notes it and lives on: what
has not begun does not begin any more, but for `post`. What then hangs is killed with the whole tree
when the grace is over. A stage that had not ended when the tree was killed is missing in
stages.json.

Stdlib only; it runs as `python -I -S stages.py DIRECTORY N_PRE N_COMMAND` and the commands' words.
"""

from __future__ import annotations

import contextlib
import errno
import json
import os
import resource
import signal
import sys
import time

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence
    from typing import NoReturn

    End = dict[str, object]

STOP_SIGNALS = ("TERM", "INT", "HUP", "QUIT", "USR1", "USR2")
TO_NOTE = [signal.Signals[f"SIG{name}"] for name in STOP_SIGNALS]
TO_RESET = [*TO_NOTE, signal.SIGPIPE, signal.SIGXFSZ]  # the latter two Python ignores
NOTHING: End = {"code": 0, "signal": None}
NOT_FOUND, NOT_EXECUTABLE = 127, 126  # as shells do
PAUSES_S = 0.05, 0.1, 0.2, 0.4, 0.8, 1.6, 2.0  # as spawning.py, while no process more is taken
FLAGS = os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_NOFOLLOW


def argv(
    directory: str, pre: Sequence[str], command: Sequence[str], post: Sequence[str]
) -> tuple[str, ...]:
    """What to put in an attempt's spec.json for a command with stages before or after it."""
    wrapper = (sys.executable, "-I", "-S", os.path.abspath(__file__))
    return (*wrapper, directory, str(len(pre)), str(len(command)), *pre, *command, *post)


class Stages:
    def __init__(self, directory: str, env: dict[str, str]) -> None:
        self.path, self.env = f"{directory}/stages.json", env
        self.ends: dict[str, End | None] = {"pre": None, "command": None, "post": None}
        self.stop: int | None = None
        for signo in TO_NOTE:
            signal.signal(signo, self.on_stop)

    def on_stop(self, signo: int, _: object) -> None:
        self.stop = signo

    def run(self, stage: str, command: Sequence[str]) -> End | None:
        """None if it did not begin: a stop came before."""
        signal.pthread_sigmask(signal.SIG_BLOCK, TO_NOTE)
        try:
            pid = self.begin(stage, command)
            if pid is None:
                return None
            for signo in noted_now():  # sent before it was there, so that it did not get it itself
                os.kill(pid, signo)
        except OSError as error:
            found = error.errno not in (errno.ENOENT, errno.ENOTDIR)
            code = NOT_EXECUTABLE if found else NOT_FOUND
            text = f"{command[0]}: {error.strerror}"
            say_why(stage, text)
            end: End = {"code": code, "signal": None, "error": text}
        else:
            signal.pthread_sigmask(signal.SIG_UNBLOCK, TO_NOTE)
            end = end_of(os.waitpid(pid, 0)[1])
        finally:
            signal.pthread_sigmask(signal.SIG_UNBLOCK, TO_NOTE)
        self.ends[stage] = end
        self.write()
        return end

    def begin(self, stage: str, command: Sequence[str]) -> int | None:
        """A limit of processes that is reached may be a moment's: another run's."""
        for pause_s in (*PAUSES_S, None):
            if stage != "post" and (self.stop is not None or noted_now()):
                return None
            try:
                return spawn(command, self.env)
            except BlockingIOError:
                if pause_s is None:
                    raise
                time.sleep(pause_s)
        return None

    def run_all(self, pre: Sequence[str], command: Sequence[str], post: Sequence[str]) -> End:
        end = self.run("pre", pre) if pre else NOTHING
        if end is not None and end["code"] == 0:
            end = self.run("command", command)
        if end is None:
            end = {"code": None, "signal": self.stop}
        if post:
            key, value = "LANHERD_EXIT_CODE", end["code"]
            if end["signal"] is not None:
                key, value = "LANHERD_SIGNAL", end["signal"]
            self.env[key] = str(value)
            self.run("post", post)
        return end

    def write(self) -> None:
        temp = f"{self.path}.{os.getpid()}"
        try:
            with open(os.open(temp, FLAGS, 0o600), "wb") as file:
                file.write(json.dumps(self.ends).encode())
                file.flush()
                os.fsync(file.fileno())
            os.rename(temp, self.path)
        except OSError as error:  # a full disk: the command's own end matters more
            print(f"lanherd: {self.path} could not be written: {error}", file=sys.stderr)


def say_why(stage: str, text: str) -> None:
    """As a shell would: the log is where a person is sent to see why it failed."""
    what = "command" if stage == "command" else f"{stage} command"
    with contextlib.suppress(OSError):  # a full disk
        print(f"lanherd: its {what} can't be run: {text}", file=sys.stderr, flush=True)


def noted_now() -> set[int]:
    return {int(signo) for signo in signal.sigpending()} & set(TO_NOTE)


def end_of(status: int) -> End:
    if os.WIFSIGNALED(status):
        return {"code": None, "signal": os.WTERMSIG(status)}
    return {"code": os.WEXITSTATUS(status), "signal": None}


def spawn(command: Sequence[str], env: dict[str, str]) -> int:
    """It has this process's own search path, since that has the attempt's environment."""
    return os.posix_spawnp(
        command[0], tuple(command), env, setsigmask=(), setsigdef=[int(signo) for signo in TO_RESET]
    )


def original_environment() -> dict[str, str]:
    """As it was given: Python may have put LC_CTYPE into its own, where there was no locale."""
    with open("/proc/self/environ", "rb") as file:
        pairs = [os.fsdecode(part).partition("=") for part in file.read().split(b"\0") if part]
    return {name: value for name, _, value in pairs}


def end_as(end: End) -> NoReturn:
    signo = end["signal"]
    if isinstance(signo, int):
        resource.setrlimit(resource.RLIMIT_CORE, (0, 0))  # the stage has dumped its own
        if signo != signal.SIGKILL:
            signal.signal(signo, signal.SIG_DFL)
        os.kill(os.getpid(), signo)
    code = end["code"]
    os._exit(code if isinstance(code, int) else NOT_EXECUTABLE)


def main() -> NoReturn:
    directory, pre_count, command_count, *words = sys.argv[1:]
    first, second = int(pre_count), int(pre_count) + int(command_count)
    stages = Stages(directory, original_environment())
    end_as(stages.run_all(words[:first], words[first:second], words[second:]))


if __name__ == "__main__":
    main()
