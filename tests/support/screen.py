"""A real X screen without a monitor: Xvfb, clicks and keys by xdotool, pictures from its memory."""

import operator
import os
import re
import select
import struct
import subprocess
import zlib
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cached_property
from itertools import groupby
from pathlib import Path

from tests.support.waiting import wait_until

SIZE = (1600, 1000)
READY_WITHIN_S = 20.0
TOOL_WITHIN_S = 20.0
SEEN_WITHIN_S = 20.0
XWD_HEADER = struct.Struct(">25I")


@dataclass(frozen=True)
class Picture:
    """What a screen showed: 32 bits a pixel, of which 24 are the colour."""

    width: int
    height: int
    data: bytes

    @cached_property
    def pixels(self) -> Sequence[int]:
        return memoryview(self.data).cast("I")

    def colours(self) -> int:
        return len(set(self.pixels))

    def find(self, colour: str, run: int) -> tuple[int, int] | None:
        """The middle of the first line of `run` pixels of a colour (#rrggbb), from the top."""
        wanted = int(colour.removeprefix("#"), 16)
        for y in range(self.height):
            x = 0
            row = self.pixels[y * self.width : (y + 1) * self.width]
            for same, group in groupby(row, lambda pixel: pixel & 0xFFFFFF == wanted):
                length = len(list(group))
                if same and length >= run:
                    return x + length // 2, y
                x += length
        return None

    def near(self, colour: str, channel: int = 40) -> int:
        """How many pixels have about this colour (#rrggbb), as the middle of letters has."""
        want = [int(colour[at : at + 2], 16) for at in (5, 3, 1)]
        blue, green, red = self.data[0::4], self.data[1::4], self.data[2::4]
        return sum(
            abs(b - want[0]) <= channel
            and abs(g - want[1]) <= channel
            and abs(r - want[2]) <= channel
            for b, g, r in zip(blue, green, red, strict=True)
        )

    def below(self, top: int) -> "Picture":
        """Without its first lines."""
        return Picture(self.width, self.height - top, self.data[top * self.width * 4 :])

    def changed(self, other: "Picture") -> int:
        """How many pixels differ."""
        return sum(map(operator.ne, self.pixels, other.pixels))

    def save(self, path: Path) -> None:
        """As PNG, for people."""
        line = self.width * 4
        rows = bytearray()
        for top in range(0, len(self.data), line):
            row = self.data[top : top + line]
            rgb = bytearray(self.width * 3)
            rgb[0::3], rgb[1::3], rgb[2::3] = row[2::4], row[1::4], row[0::4]
            rows += b"\0" + rgb
        head = struct.pack(">2I5B", self.width, self.height, 8, 2, 0, 0, 0)
        chunks = (b"IHDR" + head, b"IDAT" + zlib.compress(bytes(rows)), b"IEND")
        path.write_bytes(
            b"\x89PNG\r\n\x1a\n"
            + b"".join(
                struct.pack(">I", len(chunk) - 4) + chunk + struct.pack(">I", zlib.crc32(chunk))
                for chunk in chunks
            )
        )


class Screen:
    """A running X server of ours."""

    def __init__(self, display: str, memory: Path) -> None:
        self._memory = memory
        self.variables = {
            **os.environ,
            "DISPLAY": display,
            "QT_QPA_PLATFORM": "xcb",
            "WAYLAND_DISPLAY": "",
        }
        """For what shall be shown there."""

    def picture(self) -> Picture:
        """What is on it now."""
        memory = self._memory.read_bytes()
        header = XWD_HEADER.unpack_from(memory)
        size, width, height, line, colours = (header[at] for at in (0, 4, 5, 12, 19))
        start = size + colours * 12
        assert line == width * 4, "the screen has 32 bits a pixel and no padding"
        return Picture(width, height, memory[start : start + line * height])

    def tool(self, *words: str) -> str:
        """xdotool's answer; '' where it found nothing."""
        told = subprocess.run(
            ["xdotool", *words],
            env=self.variables,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=TOOL_WITHIN_S,
            check=False,
        )
        return told.stdout.strip() if told.returncode == 0 else ""

    def window(self, process: int, name: str) -> str:
        """The visible window of a process whose title matches; '' where there is none."""
        found = self.tool("search", "--onlyvisible", "--pid", str(process)).split()
        named = (one for one in found if re.search(name, self.tool("getwindowname", one)))
        return next(named, "")

    def wait_window(self, process: int, name: str) -> str:
        """The window as soon as it is there, with the keyboard given to it.

        There is no window manager to do that.
        """
        wait_until(lambda: bool(self.window(process, name)), SEEN_WITHIN_S)
        window = self.window(process, name)
        self.tool("windowfocus", window)
        wait_until(lambda: self.tool("getwindowfocus") == window, SEEN_WITHIN_S)
        return window

    def press(self, *keys: str) -> None:
        """Keys as xdotool names them, such as ctrl+n."""
        self.tool("key", "--delay", "30", *keys)

    def write(self, text: str) -> None:
        self.tool("type", "--delay", "15", text)

    def click(self, window: str, x: int, y: int) -> None:
        """A click at a place of the window."""
        self.tool("mousemove", "--window", window, str(x), str(y), "click", "1")

    def wait_change(self, before: Picture, pixels: int) -> Picture:
        """A picture in which that many pixels differ from `before`."""
        wait_until(lambda: self.picture().changed(before) >= pixels, SEEN_WITHIN_S)
        return self.picture()

    def settled(self) -> Picture:
        """A picture that stays the same for a moment."""
        last = [self.picture()]

        def is_same() -> bool:
            last.append(self.picture())
            return last[-1].data == last.pop(0).data

        wait_until(is_same, SEEN_WITHIN_S)
        return last[-1]


@contextmanager
def x_screen(folder: Path) -> Iterator[Screen]:
    """A screen on a display that was free; its memory lies in `folder`."""
    process, display = _start(folder)
    try:
        yield Screen(f":{display}", folder / "Xvfb_screen0")
    finally:
        process.terminate()
        process.wait()


def _start(folder: Path) -> "tuple[subprocess.Popen[bytes], int]":
    listen, tell = os.pipe()
    width, height = SIZE
    # Without -noreset it begins anew after its last program, such as an xdotool before the window
    # is there, and refuses whoever comes meanwhile.
    server = ["Xvfb", "-noreset", "-displayfd", str(tell), "-screen", "0", f"{width}x{height}x24"]
    with (folder / "xvfb.log").open("wb") as log:
        process = subprocess.Popen(
            [*server, "-nolisten", "tcp", "-fbdir", str(folder)],
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=log,
            pass_fds=(tell,),
        )
    os.close(tell)
    try:
        return process, _display(listen)
    except BaseException:
        process.kill()
        process.wait()
        raise
    finally:
        os.close(listen)


def _display(listen: int) -> int:
    """Xvfb writes the number and a line feed when it is ready for windows."""
    told = b""
    while not told.endswith(b"\n"):
        ready, _, _ = select.select([listen], [], [], READY_WITHIN_S)
        part = os.read(listen, 64) if ready else b""
        if not part:
            raise AssertionError("Xvfb did not begin; see xvfb.log in its folder")
        told += part
    return int(told)
