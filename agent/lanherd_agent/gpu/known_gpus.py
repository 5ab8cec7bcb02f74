"""The GPUs that a machine had, in a file of the agent's home.

A driver that was updated while the old one is loaded, say, tells of no GPU at all to an agent that
is started then. Runs that wait for them, and those that hold them, are still about these.
"""

import logging
import os
from pathlib import Path

import msgspec
from msgspec.structs import replace

from lanherd_agent.gpu.probe import NO_GPUS, ProbeFacts

log = logging.getLogger("lanherd.gpu")

FLAGS = os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC | os.O_NOFOLLOW


def recall(file: Path) -> ProbeFacts:
    """Those that were kept; none if there are none, or if they can't be read."""
    try:
        return msgspec.json.decode(file.read_bytes(), type=ProbeFacts)
    except FileNotFoundError:
        return NO_GPUS
    except (OSError, msgspec.DecodeError, UnicodeDecodeError) as problem:
        log.info("Which GPUs there were can't be read: %s", problem)
        return NO_GPUS


def keep(file: Path, facts: ProbeFacts) -> None:
    """Remember them. Where that fails they are asked of the driver alone, as before."""
    temporary = file.with_suffix(".new")
    try:
        with open(os.open(temporary, FLAGS, 0o600), "wb") as opened:
            opened.write(msgspec.json.encode(replace(facts, problem=None)))
        temporary.rename(file)
    except OSError as problem:
        log.info("Which GPUs there are can't be kept: %s", problem)
