"""A cable between two sockets of this machine that is cut after so many bytes of one direction."""

import asyncio
import socket
import struct
from collections import deque
from collections.abc import Iterable

from lanherd_protocol.aio.tasks import TaskOwner

HERE = "127.0.0.1"
PIECE_BYTES = 64 * 1024
_RESET = struct.pack("ii", 1, 0)


class CuttingProxy:
    """Passes bytes on to a port. `cuts`: after so many further bytes from the caller all that is
    connected is cut, and the next connection is counted from nothing again.

    What came before the cut is passed on. With `resets` both sides see a reset, as of a machine
    that was switched off and on; else an end, as of a cable that is pulled and put back.
    """

    def __init__(self, port: int, cuts: Iterable[int] = (), *, resets: bool = False) -> None:
        self._port = port
        self._cuts = deque(cuts)
        self._resets = resets
        self._tasks = TaskOwner("proxy")
        self._server: asyncio.Server | None = None
        self.port = 0
        self.passed = 0
        """Bytes from callers, in all."""
        self.cuts_done = 0

    async def open(self) -> None:
        self._server = await asyncio.start_server(self._on_caller, HERE, 0)
        self.port = self._server.sockets[0].getsockname()[1]

    async def close(self) -> None:
        if self._server is not None:
            self._server.close()
        await self._tasks.close()

    async def _on_caller(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._tasks.spawn(self._join(reader, writer), "join")

    async def _join(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        far_reader, far_writer = await asyncio.open_connection(HERE, self._port)
        back = self._tasks.spawn(self._pass(far_reader, writer), "back")
        try:
            if await self._forward(reader, far_writer):
                self.cuts_done += 1
        finally:
            back.cancel()
            await asyncio.wait([back])
            for end in (writer, far_writer):
                await self._end(end)

    async def _forward(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> bool:
        """True when it was cut."""
        left = self._cuts.popleft() if self._cuts else None
        try:
            while data := await reader.read(PIECE_BYTES):
                if left is not None and len(data) >= left:
                    writer.write(data[:left])
                    self.passed += left
                    await writer.drain()
                    return True
                left = None if left is None else left - len(data)
                self.passed += len(data)
                writer.write(data)
                await writer.drain()
        except ConnectionError:
            pass  # The other side is gone: both are ended.
        return False

    async def _pass(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            while data := await reader.read(PIECE_BYTES):
                writer.write(data)
                await writer.drain()
        except ConnectionError:
            pass  # As above.
        writer.close()

    async def _end(self, writer: asyncio.StreamWriter) -> None:
        if self._resets:
            raw = writer.get_extra_info("socket")
            if raw is not None and raw.fileno() >= 0:
                raw.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _RESET)
        writer.close()
        try:
            await writer.wait_closed()
        except ConnectionError:
            pass  # It was reset, as it was to be.
