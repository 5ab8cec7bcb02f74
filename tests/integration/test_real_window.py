"""The desktop in a real X window, by mouse and keys; `./dev e2e window` plays more of it."""

import os
import socket
from pathlib import Path

import pytest

from tests.e2e import window


def folder() -> Path:
    """Above all that `isolated` made for this test."""
    return Path(os.environ["HOME"]).parent


def test_pair_submit_and_quit_by_hand() -> None:
    window.desktop_by_hand(folder())


def test_a_signal_ends_the_demo_and_its_agent(monkeypatch: pytest.MonkeyPatch) -> None:
    # An index that never answers: the demo's run is still being prepared when the signal comes.
    with socket.create_server(("127.0.0.1", 0)) as index:
        monkeypatch.setenv("UV_DEFAULT_INDEX", f"http://127.0.0.1:{index.getsockname()[1]}/")
        window.demo_ended_by_signal(folder())
