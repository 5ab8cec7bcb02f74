"""Two runs for the last free VRAM in the same millisecond: how often exactly one starts.

A real agent with one simulated GPU, and two connections that submit at once.
"""

import asyncio
import time
from pathlib import Path

from lanherd_protocol.aio.connect import connect_unix
from lanherd_protocol.handshake import local_hello
from tests.bench.agent import running_agent
from tests.bench.report import Metric, Report
from tests.support.racing import GB, Tally, race

ROUNDS = 1_000
TOTAL_BYTES = 24 * GB


def measure(report: Report) -> None:
    began = time.perf_counter()
    with running_agent(simulate_gpus=1) as agent:
        tally = asyncio.run(_race(agent.socket))
    spent_s = time.perf_counter() - began
    report.say(
        f"{tally.rounds} rounds in {spent_s:.0f} s; the one that was sent first won "
        f"{tally.first['first']} of them; the other was told: {dict(tally.waited)}"
    )
    report.add(Metric("race_one_started", tally.one_started, f"of {ROUNDS}", at_least=ROUNDS))
    report.add(Metric("race_both_live", tally.shared, f"of {ROUNDS}", at_most=0))


async def _race(socket: Path) -> Tally:
    one = await connect_unix(socket, local_hello("one"))
    other = await connect_unix(socket, local_hello("other"))
    try:
        return await race((one, other), ROUNDS, TOTAL_BYTES)
    finally:
        await one.close()
        await other.close()
