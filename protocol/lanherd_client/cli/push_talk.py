"""A push on its way, as the person beside it is told of it."""

import sys
import time

from lanherd_client.cli import talk
from lanherd_client.cli.terminal import plain
from lanherd_client.durations import format_duration
from lanherd_client.mirror import MachineView
from lanherd_client.projects.push_progress import PushProgress
from lanherd_client.sizes import format_size
from lanherd_protocol.ids import DeviceId

SILENT_S = 3.0
REDRAW_S = 0.1
_WIDTH = 72


def far(
    what: str, done_bytes: int, total_bytes: int, rate: float | None, left: float | None
) -> str:
    """How far something is, such as 'upload: 3 MB of 12 MB, 40 MB/s, 2s left'."""
    of = f" of {format_size(total_bytes)}" if total_bytes else ""
    parts = [f"{what}: {format_size(done_bytes)}{of}"]
    if rate is not None:
        parts.append(f"{format_size(round(rate))}/s")
    if left is not None:
        parts.append(f"{format_duration(float(max(round(left), 1)))} left")
    return ", ".join(parts)


class PushesTalk:
    """Tells pushes to one or several machines: on a terminal in one line that is drawn again and
    again, elsewhere only if they take long. What was found in the project is said once."""

    def __init__(self) -> None:
        self._watched = sys.stderr.isatty()
        self._told: dict[DeviceId, PushProgress] = {}
        self._said: set[str] = set()
        self._began = time.monotonic()
        self._drawn_at = 0.0
        self._slow = False
        self._open_line = False

    def __call__(self, machine: MachineView, progress: PushProgress) -> None:
        self._told[machine.machine] = progress
        for note in progress.notes:
            if note not in self._said:
                self._said.add(note)
                self.end_line()
                talk.say(f"Warning: {plain(note)}")
        now = time.monotonic()
        if self._watched:
            if now - self._drawn_at >= REDRAW_S:
                self._drawn_at = now
                print(f"\r{self._line().ljust(_WIDTH)}", end="", file=sys.stderr, flush=True)
                self._open_line = True
        elif not self._slow and now - self._began > SILENT_S:
            self._slow = True
            talk.say(f"{self._line()}.")

    def end_line(self) -> None:
        """To be called before anything else is said."""
        if self._open_line:
            self._open_line = False
            talk.say("")

    def _line(self) -> str:
        told = [*self._told.values()]
        going = [one for one in told if one.phase != "done"] or told
        slowest = min(going, key=_share)
        text = far(
            slowest.phase,
            slowest.bytes_done,
            slowest.bytes_total,
            slowest.rate_bytes_s,
            slowest.left_s,
        )
        if len(told) == 1:
            return text
        return f"{len(told) - len(going)} of {len(told)} machines done; the last is {text}"


def _share(progress: PushProgress) -> float:
    if progress.phase != "sending":
        return 1.0 if progress.phase == "done" else 0.0
    return progress.bytes_done / max(progress.bytes_total, 1)
