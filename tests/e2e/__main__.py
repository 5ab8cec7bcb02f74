"""`./dev e2e [NAME] [ARGUMENTS]`: tests that need more than a process and a temporary folder.

Each module of this folder is one: `main(arguments)` raises `Failed` with what went wrong. Without a
name all of them run.
"""

import importlib
import sys
from pathlib import Path

from tests.e2e.tools import Failed, NotRun, say


def names() -> list[str]:
    apart = {"__main__", "tools"}
    return sorted(p.stem for p in Path(__file__).parent.glob("*.py") if p.stem not in apart)


def run(name: str, arguments: list[str]) -> bool:
    say(f"{name.replace('_', '-')}: begins")
    try:
        importlib.import_module(f"tests.e2e.{name}").main(arguments)
    except NotRun as lack:
        say(f"NOT RUN: {name.replace('_', '-')}: this machine lacks {lack}")
        return True
    except Failed as failure:
        say(f"{name.replace('_', '-')}: FAILED: {failure}")
        return False
    say(f"{name.replace('_', '-')}: passed")
    return True


def main(arguments: list[str]) -> int:
    if not arguments:
        # A list, not a generator: one that fails keeps none of the others from running.
        passed = [run(name, []) for name in names()]
        return 0 if all(passed) else 1
    name = arguments[0].replace("-", "_")
    if name not in names():
        say(f"there is no e2e test '{arguments[0]}'; there are: {', '.join(names())}")
        return 2
    return 0 if run(name, arguments[1:]) else 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
