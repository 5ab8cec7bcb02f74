"""The window's texts as Qt loads them: compiled beside their source, as `./dev` does it."""

import os
import subprocess
import sys
from collections.abc import Iterable
from pathlib import Path

COMPILER = Path(sys.executable).parent / "pyside6-lrelease"


def compile_missing(
    directory: Path, languages: Iterable[str], compiler: Path = COMPILER
) -> list[str]:
    """Compile what isn't there or is older than its source; returns which languages those were.

    Raises SystemExit with what to do where that can't be: better before the first of many pictures
    than in the middle of them.
    """
    compiled = []
    for language in languages:
        source = directory / f"lanherd_{language}.ts"
        target = source.with_suffix(".qm")
        if not source.is_file() or _is_newer(target, source):
            continue
        # Whoever reads it meanwhile has the old one or the new one.
        made = target.with_suffix(f".{os.getpid()}.qm")
        try:
            subprocess.run([compiler, "-silent", source, "-qm", made], check=True)
        except (OSError, subprocess.CalledProcessError) as error:
            made.unlink(missing_ok=True)
            raise SystemExit(
                f"The texts of {source.name} can't be compiled: {error}.\n"
                "Run ./dev shots, which makes the environment and all that it needs."
            ) from None
        made.replace(target)
        compiled.append(language)
    return compiled


def _is_newer(target: Path, source: Path) -> bool:
    return target.is_file() and target.stat().st_mtime_ns >= source.stat().st_mtime_ns
