"""Keeps tests off the user's files and off the network."""

import ipaddress
import socket
from pathlib import Path
from typing import Any
from unittest import mock

_FOLDERS = {
    "HOME": "home",
    "LANHERD_HOME": "controller",
    "LANHERD_RUNTIME_DIR": "run",
    "XDG_CACHE_HOME": "cache",
    "XDG_CONFIG_HOME": "config",
    "XDG_DATA_HOME": "data",
    "XDG_RUNTIME_DIR": "run",
    "XDG_STATE_HOME": "state",
}


def isolated_environment(folder: Path) -> dict[str, str]:
    """The variables that move all state below `folder`, whose sub-folders are made."""
    variables = {"QT_QPA_PLATFORM": "offscreen", "LANG": "C.UTF-8", "LC_ALL": "C.UTF-8"}
    for name, below in _FOLDERS.items():
        path = folder / below
        path.mkdir(mode=0o700, exist_ok=True)
        variables[name] = str(path)
    return variables


class NotLoopbackError(AssertionError):
    """A test opened a port to the network."""


def check_address(address: object) -> None:
    """Refuse an internet address that isn't loopback; Unix sockets are free."""
    if not isinstance(address, tuple):
        return
    host = address[0]
    if host == "localhost":
        return
    if not host or not ipaddress.ip_address(host).is_loopback:
        raise NotLoopbackError(f"a test binds {host or 'all interfaces'}; bind 127.0.0.1 or ::1")


def loopback_only() -> None:
    """From here on a socket of this process binds loopback or fails, whoever asks."""

    def bind(self: socket.socket, address: Any) -> None:
        check_address(address)
        _bind(self, address)

    mock.patch.object(socket.socket, "bind", bind).start()


_bind = socket.socket.bind
