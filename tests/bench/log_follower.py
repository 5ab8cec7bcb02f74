"""Follows a run's log over TLS to its end, and says as JSON what it was told: for `logs`.

A process of its own, so that what it spends is not what others wait for.
"""

import asyncio
import json
import sys
import time
from pathlib import Path

from lanherd_client.fleet import Fleet
from lanherd_client.log_reading import LogGap
from tests.bench.log_job import Checker


async def follow(home: Path, identifier: str) -> dict[str, float]:
    checker = Checker()
    heard = missed = 0
    async with Fleet.open(home) as fleet:
        await fleet.settled()
        run = await fleet.run(identifier)
        began = time.monotonic()
        async for item in run.logs(follow=True):
            if isinstance(item, LogGap):
                missed += item.to - item.offset
            else:
                checker.check(item.offset, item.data)
                heard += len(item.data)
        return {
            "heard_bytes": heard,
            "missed_bytes": missed,
            "wrong_bytes": checker.wrong_bytes,
            "seconds": time.monotonic() - began,
            "cpu_s": time.process_time(),
        }


if __name__ == "__main__":
    print(json.dumps(asyncio.run(follow(Path(sys.argv[1]), sys.argv[2]))))
