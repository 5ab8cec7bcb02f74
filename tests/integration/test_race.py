"""The last free VRAM is given once, however close two submits come (`./dev bench race`: 1,000)."""

import os
from pathlib import Path

from tests.support.agent_process import agent_process
from tests.support.doors import through_socket
from tests.support.racing import GB, race

ROUNDS = 20


async def test_exactly_one_starts() -> None:
    with agent_process(Path(os.environ["HOME"]) / "agent", gpus=1) as agent:
        async with through_socket(agent) as one, through_socket(agent) as other:
            tally = await race((one, other), ROUNDS, 24 * GB)
    assert (tally.one_started, tally.shared) == (ROUNDS, 0)
