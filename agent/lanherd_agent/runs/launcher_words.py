"""What a launcher says to its agent: lists of replies and events."""

import msgspec

from lanherd_agent.runs import rundir


class Message(msgspec.Struct, frozen=True):
    id: int | None = None
    event: str | None = None
    dir: str = ""
    start: rundir.Start | None = None
    exit: rundir.Exit | None = None
    started: rundir.Start | None = None
    existing: bool = False
    error: rundir.ExitError | None = None
    version: int = 0
    pid: int = 0
    kill: str = "walk"
    why_walk: str = ""
    signalled: int = 0


decoder = msgspec.json.Decoder(list[Message])
