"""What `lanherd logs` says beside a log: true figures, each sentence on a line of its own."""

import subprocess
import sys
from collections.abc import AsyncIterator

import pytest

from lanherd_client.cli.log_finds import put_matches
from lanherd_protocol.log_messages import LogDescription, LogMatches, LogSearched

MIB = 1024 * 1024


async def found(*parts: LogMatches | LogSearched) -> AsyncIterator[LogMatches | LogSearched]:
    for part in parts:
        yield part


@pytest.mark.parametrize(
    ("offset", "searched", "missing"),
    [(0, "10.0 MB", "30.0 MB"), (20 * MIB, "5.00 MB", "15.0 MB"), (38 * MIB, "2.00 MB", "")],
)
async def test_what_was_given_up_does_not_count_as_searched(
    offset: int, searched: str, missing: str, capsys: pytest.CaptureFixture[str]
) -> None:
    described = LogDescription(
        attempt=1,
        size_bytes=40 * MIB,
        stored_bytes=10 * MIB,
        gap_from=5 * MIB,
        gap_to=35 * MIB,
    )
    end = LogSearched(attempt=1, offset=40 * MIB, lines=3, complete=True)
    await put_matches(found(end), described, offset, as_json=False)
    said = capsys.readouterr().err
    assert f"No line matches; {searched} were searched." in said
    assert (f"{missing} of the log were given up" in said) == bool(missing)
    assert said.count("given up") == bool(missing)


def test_a_sentence_beside_the_log_begins_on_a_line_of_its_own() -> None:
    program = (
        "import asyncio\n"
        "from lanherd_client.cli import talk\n"
        "from lanherd_client.cli.logs import copy_log\n"
        "from lanherd_client.log_reading import LogBytes, LogGap\n"
        "async def chunks():\n"
        "    yield LogBytes(1, 0, b'one\\nhalf')\n"
        "    yield LogGap(1, 8, 20)\n"
        "    yield LogBytes(1, 20, b'rest\\nend')\n"
        "asyncio.run(copy_log(chunks(), as_json=False))\n"
        "talk.say('It is over.')\n"
    )
    command = [sys.executable, "-c", program]
    mixed = subprocess.run(
        command, check=True, text=True, stdout=subprocess.PIPE, stderr=subprocess.STDOUT
    )
    one, half, gap, *rest = mixed.stdout.splitlines()
    assert (one, half, rest) == ("one", "half", ["rest", "end", "It is over."])
    assert gap.startswith("Here 12 B are missing")
    # Apart, each stream is as it would be without the other.
    apart = subprocess.run(command, check=True, text=True, capture_output=True)
    assert apart.stdout == "one\nhalfrest\nend"
    assert [line[:7] for line in apart.stderr.splitlines()] == ["Here 12", "It is o"]
