"""Runs of machines that don't answer, what is followed, and a window that is narrow or anew."""

import os
from dataclasses import replace

import pytest
from PySide6.QtWidgets import QApplication
from pytestqt.qtbot import QtBot

from lanherd_client.mirror import Unreachable
from lanherd_desktop.actions.registry import ActionId
from lanherd_desktop.app import Desktop
from lanherd_desktop.state.room import RoomUpdate, RunKey
from lanherd_desktop.views.runs.detail import TAB_LOG
from lanherd_desktop.views.words import run_subtitle
from lanherd_protocol.errors import ErrorCode, Failure
from tests.support import synthetic_room
from tests.support.desktop_window import open_desktop

# Qt's offscreen platform says this of dialogs; it is about the platform, not about us.
pytestmark = pytest.mark.qt_log_ignore("This plugin does not support")


def key_named(name: str) -> RunKey:
    return next(key for key, view in synthetic_room.runs().items() if view.spec.name == name)


def test_a_stop_that_cannot_be_told_yet_is_said_at_once(desktop: Desktop) -> None:
    key = key_named("train lr=3e-4 seed=0")
    kepler = desktop.context.room.machines[key[0]]
    lost = Failure(code=ErrorCode.UNREACHABLE, title="Gone.")
    gone = replace(kepler, link=Unreachable(synthetic_room.NOW, lost))
    desktop.bridge.room_updated.emit(RoomUpdate(machines={key[0]: gone}))
    row = desktop.context.row(key)
    assert row is not None and "kepler unreachable · last known: running" in run_subtitle(row)
    desktop.window.show_run(key, TAB_LOG)
    told: list[str] = []
    desktop.context.toast_wanted.connect(lambda text, kind: told.append(text))
    detail = desktop.window.runs.detail
    desktop.window.actions_by_id[ActionId.RUN_STOP].trigger()
    assert not desktop.window.actions_by_id[ActionId.RUN_STOP].isEnabled()
    detail.stop_button.click()
    assert told == ["kepler can't be reached; the run will be asked to stop as soon as it is back."]
    assert not detail.stop_button.isEnabled()
    desktop.bridge.room_updated.emit(RoomUpdate(machines={key[0]: kepler}))
    assert not detail.stop_button.isEnabled()
    assert desktop.context.row(key) != row


def test_whatever_cannot_be_told_yet_is_said_at_once(desktop: Desktop) -> None:
    key = key_named("finetune seed=1")
    lost = Failure(code=ErrorCode.UNREACHABLE, title="Gone.")
    gone = replace(
        desktop.context.room.machines[key[0]], link=Unreachable(synthetic_room.NOW, lost)
    )
    desktop.bridge.room_updated.emit(RoomUpdate(machines={key[0]: gone}))
    desktop.window.show_run(key, TAB_LOG)
    told: list[str] = []
    desktop.context.toast_wanted.connect(lambda text, kind: told.append(text))
    desktop.window.actions_by_id[ActionId.RUN_HOLD].trigger()
    assert told == ["kepler can't be reached; it will be asked as soon as it is back."]


def test_another_run_s_log_is_followed_again(desktop: Desktop) -> None:
    pane = desktop.window.runs.detail.log.pane
    desktop.window.show_run(key_named("train lr=3e-4 seed=0"), TAB_LOG)
    pane.set_following(False)
    desktop.window.show_run(key_named("train lr=1e-2 seed=0"), TAB_LOG)
    assert pane.following()


def test_a_narrow_window_folds_its_navigation(desktop: Desktop) -> None:
    window = desktop.window
    assert not window.nav.folded()
    window.resize(900, 560)
    assert window.nav.folded() and not desktop.preferences.value.folded
    window.resize(1300, 700)
    assert not window.nav.folded()


def test_a_window_of_another_language_knows_its_device(qapp: QApplication, qtbot: QtBot) -> None:
    with open_desktop(qapp) as desktop:
        before = desktop.window
        before.show_page("settings")
        place = before.geometry()
        desktop.window.actions_by_id[ActionId.VIEW_LANGUAGE].trigger()
        qtbot.waitUntil(lambda: desktop.window is not before)
        settings = desktop.window.settings
        qtbot.waitUntil(lambda: len(settings._device.text()) == 64, timeout=10_000)
        assert settings._home.text() == os.environ["LANHERD_HOME"]
        assert desktop.window.geometry() == place
