"""The process that talks to NVML, because NVML can hang: `python -I -m …probe_child`.

Standard input is a socket to the agent. Each question is one byte, each answer a length (4 bytes,
big-endian) and JSON. The child ends when the agent's end closes, and after an answer that says
`ended`: there is nothing to read, or the library has to be loaded afresh. It imports no more than
it needs, since it lives as long as the agent: 15 MB, most of them Python and pynvml.
"""

import ctypes
import json
import os
import signal
import time
from typing import Any

from lanherd_agent.gpu.nvml import Nvml
from lanherd_agent.gpu.probe_wire import ASK_FACTS, LENGTH_BYTES

SOCKET_FD = 0
PR_SET_PDEATHSIG = 1


def die_with_parent() -> None:
    """A call that hangs in the driver never sees the agent's end close; the kernel does."""
    ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGKILL)


def answer_to(question: bytes, nvml: Nvml) -> dict[str, Any]:
    """What goes back to the agent."""
    if question == ASK_FACTS:
        facts = nvml.facts()
        return {"facts": facts, "ended": facts["source"] == "none"}
    readings = nvml.read()
    if not nvml.facts_changed:
        return {"readings": readings, "ended": nvml.driver_gone}
    facts = nvml.facts()
    return {"facts": facts, "readings": nvml.read(), "ended": nvml.driver_gone}


def send(answer: dict[str, Any]) -> None:
    payload = json.dumps(answer).encode()
    left = memoryview(len(payload).to_bytes(LENGTH_BYTES, "big") + payload)
    while left:
        left = left[os.write(SOCKET_FD, left) :]


def main() -> None:
    die_with_parent()
    nvml = Nvml(time.monotonic)
    while question := os.read(SOCKET_FD, 1):
        answer = answer_to(question, nvml)
        send(answer)
        if answer["ended"]:
            return


if __name__ == "__main__":
    main()
