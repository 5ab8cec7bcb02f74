"""Asks the agent of a home through its socket, from a host that has nothing but the agent:

    python ask_agent.py HOME status | facts | list | submit JSON | stop RUN

JSON is a list of run specs, as they are on the wire. Answers with JSON on stdout.
"""

import asyncio
import os
import sys
import time
from pathlib import Path
from typing import Any

import msgspec

from lanherd_protocol import messages as m
from lanherd_protocol import methods
from lanherd_protocol.aio.connect import connect_unix
from lanherd_protocol.aio.peer import Peer
from lanherd_protocol.handshake import local_hello
from lanherd_protocol.ids import RANDOM_BYTES_PER_ID, CommandId, RunId, uuid7
from lanherd_protocol.values import RunSpec

GRACE_S = 0.2


async def main(home: str, verb: str, *words: str) -> None:
    peer = await connect_unix(Path(home) / "agent.sock", local_hello("ask"))
    try:
        answer = await ask(peer, verb, *words)
    finally:
        await peer.close()
    sys.stdout.write(msgspec.json.encode(answer).decode())


async def ask(peer: Peer, verb: str, *words: str) -> Any:
    match verb:
        case "status":
            return await peer.call(methods.AGENT_STATUS, m.Empty())
        case "facts":
            return (await peer.call(methods.MACHINE_SNAPSHOT, m.Empty())).facts
        case "list":
            return (await peer.call(methods.RUNS_LIST, m.ListRuns())).runs
        case "submit":
            specs = msgspec.json.decode(words[0], type=tuple[RunSpec, ...])
            runs = tuple(m.NewRun(run=RunId(fresh_id()), spec=spec) for spec in specs)
            return (await peer.call(methods.RUNS_SUBMIT, m.SubmitRuns(runs=runs))).runs
        case "stop":
            stop = m.StopRun(command=CommandId(fresh_id()), run=RunId(words[0]), grace_s=GRACE_S)
            return (await peer.call(methods.RUNS_STOP, stop)).view
        case _:
            raise SystemExit(f"there is no verb {verb!r}")


def fresh_id() -> str:
    return uuid7(time.time_ns() // 1_000_000, os.urandom(RANDOM_BYTES_PER_ID))


if __name__ == "__main__":
    asyncio.run(main(*sys.argv[1:]))
