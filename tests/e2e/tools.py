"""What the end-to-end tests share."""

import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]


class Failed(Exception):
    """The test failed; says what was expected and what was seen."""


class NotRun(Exception):
    """This machine can't run the test; says what it lacks."""


def say(text: str) -> None:
    print(f"e2e: {text}", file=sys.stderr, flush=True)


def run(
    command: Sequence[str | Path], timeout_s: float = 600, cwd: Path = ROOT, aloud: bool = False
) -> str:
    """Run a command to its end; its stdout, or `Failed` with all that it said.

    `aloud` lets its stderr through, for a command that takes long and says what it does.
    """
    result = subprocess.run(
        list(command),
        cwd=cwd,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=None if aloud else subprocess.PIPE,
        text=True,
        timeout=timeout_s,
        check=False,
    )
    if result.returncode != 0:
        words = " ".join(map(str, command))
        raise Failed(
            f"{words} ended with {result.returncode}:\n{result.stdout}{result.stderr or ''}"
        )
    return result.stdout


def expect(holds: bool, otherwise: str) -> None:
    if not holds:
        raise Failed(otherwise)
