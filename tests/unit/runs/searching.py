"""What the tests of searches share."""

import contextlib
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import msgspec

from lanherd_agent.runs.log_search import LogSearches, Query, Searched
from lanherd_protocol.log_messages import LogMatch, LogMatches


class Found:
    """What a search has sent, taken apart."""

    def __init__(self) -> None:
        self.parts: list[LogMatches] = []

    async def take(self, data: bytes) -> None:
        length = int.from_bytes(data[:4], "big")
        assert length == len(data) - 4
        part = msgspec.msgpack.decode(data[4:], type=LogMatches)
        assert not self.parts or self.parts[-1].searched_to <= part.searched_to
        self.parts.append(part)

    @property
    def matches(self) -> list[LogMatch]:
        return [match for part in self.parts for match in part.matches]


async def find(log: Path, pattern: str, **more: Any) -> tuple[list[LogMatch], Searched]:
    found = Found()
    done = await LogSearches().search(log, Query(pattern=pattern, **more), found.take)
    return found.matches, done


def write(path: Path, data: bytes) -> None:
    path.write_bytes(data)


@contextlib.contextmanager
def opened(log: Path) -> Iterator[tuple[int, int]]:
    descriptors = os.open(log, os.O_RDONLY), os.open(log.parent, os.O_RDONLY)
    try:
        yield descriptors
    finally:
        for descriptor in descriptors:
            os.close(descriptor)
