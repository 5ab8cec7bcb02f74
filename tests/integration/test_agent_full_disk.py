"""An agent on a disk that is really full: what it acknowledged stays, and it goes on afterwards."""

import asyncio
import json
import os
import sys
from pathlib import Path

REPOSITORY = Path(__file__).parents[2]


async def test_a_disk_that_is_full_and_then_is_not() -> None:
    folder = Path(os.environ["HOME"]) / "disk"
    await asyncio.to_thread(folder.mkdir)
    process = await asyncio.create_subprocess_exec(
        "unshare", "--user", "--map-root-user", "--mount",
        sys.executable, "-m", "tests.integration.full_disk_agent", str(folder),
        cwd=REPOSITORY,
        stdout=asyncio.subprocess.PIPE,
    )  # fmt: skip
    said, _ = await process.communicate()
    assert process.returncode == 0
    story = json.loads(said)
    assert story["before"] == "taken"
    # The log is the command's own file: the command is told, and the agent is not harmed.
    assert story["noisy run"] == 7
    assert story["why"] == "Ended with exit code 7. The machine's disk was full then."
    assert story["full"] == story["full again"] == "disk_full"
    assert "nothing_kept" in story["problems"]
    assert story["push"] == "disk_full"
    assert story["status"]
    assert story["log"] == "said\n"
    assert set(story["freed"]) <= {"disk_full"}
    assert story["push again"] == "taken"
    for outcomes in (story["outcomes"], story["outcomes after"]):
        assert "succeeded" in outcomes
        for outcome in outcomes:
            assert outcome == "succeeded" or "disk is full" in outcome, outcome
    assert "full" in story["start on a full disk"] or story["start on a full disk"] == "serves"
    assert story["runs lost or doubled"] == 0
