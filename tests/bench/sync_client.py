"""A client of its own for `sync.py`: how long each of some pushes takes, and its peak memory.

`python -m tests.bench.sync_client FOLDER SOCKET COUNT`: seconds of each, then MiB, a line each.
"""

import asyncio
import sys
import time
from pathlib import Path

from lanherd_client.fleet import Fleet
from tests.bench.sync import peak_rss_mib


async def main(folder: Path, socket: Path, count: int) -> None:
    async with Fleet.open() as fleet:
        if not fleet.machines():
            await fleet.pair_socket(socket)
        await fleet.settled()
        for _ in range(count):
            began = time.perf_counter()
            (pushed,) = await fleet.push(folder)
            if pushed.problem is not None:
                raise pushed.problem
            print(time.perf_counter() - began)
    print(peak_rss_mib("self"))


if __name__ == "__main__":
    asyncio.run(main(Path(sys.argv[1]), Path(sys.argv[2]), int(sys.argv[3])))
