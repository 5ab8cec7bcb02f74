"""Says to systemd how the agent is, where systemd asked for it (sd_notify(3)).

The watchdog is fed from the event loop: an agent whose loop hangs is restarted, and its runs go on.
"""

import asyncio
import logging
import os
import socket
from collections.abc import Mapping

log = logging.getLogger(__name__)


class Service:
    """The service manager that started this process, or none."""

    def __init__(self, environment: Mapping[str, str] = os.environ) -> None:
        self._address = environment.get("NOTIFY_SOCKET", "")
        self._watchdog_s = _watchdog_s(environment)

    def ready(self) -> None:
        self._say("READY=1")

    def stopping(self) -> None:
        self._say("STOPPING=1")

    async def feed_watchdog(self) -> None:
        """Show that the loop turns, twice in each interval. Returns at once if nobody watches."""
        while self._watchdog_s is not None:
            self._say("WATCHDOG=1")
            await asyncio.sleep(self._watchdog_s / 2)

    def _say(self, state: str) -> None:
        if not self._address:
            return
        # An '@' stands for the NUL byte with which an abstract name begins.
        address = self._address.replace("@", "\0", 1) if self._address[0] == "@" else self._address
        try:
            with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM | socket.SOCK_NONBLOCK) as out:
                out.sendto(state.encode(), address)
        except OSError as problem:
            log.warning("The service manager could not be told %s: %s", state, problem)


def _watchdog_s(environment: Mapping[str, str]) -> float | None:
    """The interval in which this very process is to be heard of; None if nobody listens."""
    text = environment.get("WATCHDOG_USEC", "")
    if environment.get("WATCHDOG_PID", str(os.getpid())) != str(os.getpid()):
        return None
    if "NOTIFY_SOCKET" not in environment or not text.isdecimal() or int(text) == 0:
        return None
    return int(text) / 1_000_000
