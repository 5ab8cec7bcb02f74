"""The launcher's end of its socket: a listener, and connections that never block."""

from __future__ import annotations

import json
import os
import socket
import sys

TYPE_CHECKING = False  # `typing` would cost more memory than the rest of this file
if TYPE_CHECKING:
    from lanherd_agent.runs.shim import Record

MESSAGES_PER_DATAGRAM = 16  # below 7 KiB each, with the longest directory name
BACKLOG_MESSAGES_MAX = 8192
CONNECTIONS_MAX = 8


class Connection:
    def __init__(self, sock: socket.socket) -> None:
        self.sock, self.outbox = sock, list[bytes]()

    def put(self, message: Record) -> None:
        self.outbox.append(json.dumps(message).encode())

    def flush(self) -> bool:
        """Whether it is still of use: it may be gone, or have stopped reading."""
        outbox = self.outbox
        while outbox:
            try:
                self.sock.send(b"[" + b",".join(outbox[:MESSAGES_PER_DATAGRAM]) + b"]")
            except BlockingIOError:
                return len(outbox) <= BACKLOG_MESSAGES_MAX  # the run directories know what is lost
            except OSError:
                return False
            del outbox[:MESSAGES_PER_DATAGRAM]
        return True


def listen(path: str) -> socket.socket:
    """A socket that appears at its path when it is ready; paths above 107 bytes work too."""
    directory = os.open(os.path.dirname(path), os.O_PATH | os.O_DIRECTORY)
    name = f"/proc/self/fd/{directory}/{os.path.basename(path)}.{os.getpid()}"
    listener = socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    listener.bind(name)
    listener.listen(CONNECTIONS_MAX)
    listener.setblocking(False)
    os.rename(name, path)
    os.close(directory)
    return listener


def is_own(sock: socket.socket) -> bool:
    pid_uid_gid = sock.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, 12)
    return int.from_bytes(pid_uid_gid[4:8], sys.byteorder) == os.geteuid()
