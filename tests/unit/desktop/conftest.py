"""The desktop's own parts, without an agent: offscreen, in English."""

import os
from collections.abc import Iterator

import pytest

os.environ.setdefault("QT_QPA_PLATFORM", "offscreen")

from PySide6.QtWidgets import QApplication

from lanherd_desktop.app import Desktop
from tests.support import synthetic_room
from tests.support.asked import Asked
from tests.support.desktop_window import open_desktop, show_room


@pytest.fixture
def empty_desktop(qapp: QApplication) -> Iterator[Desktop]:
    """The window before anything has come, without its thread."""
    with open_desktop(qapp, connected=False) as desktop:
        yield desktop


@pytest.fixture
def desktop(empty_desktop: Desktop) -> Desktop:
    """The window with the synthetic room in it."""
    show_room(empty_desktop, synthetic_room.room())
    return empty_desktop


@pytest.fixture
def asked(desktop: Desktop, monkeypatch: pytest.MonkeyPatch) -> Asked:
    """What the window asks of its machines from now on, and a stand-in that answers."""
    seen = Asked(desktop.bridge)
    monkeypatch.setattr(desktop.bridge, "ask", seen.ask)
    return seen
