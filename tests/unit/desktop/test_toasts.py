"""Toasts take room of their own: what one looks at stays in sight."""

import pytest
from PySide6.QtWidgets import QApplication

from lanherd_desktop.app import Desktop

PAGES = ("machines", "projects", "runs", "outputs", "settings")


@pytest.mark.parametrize("page", PAGES)
def test_toasts_lie_over_nothing_of_a_page(desktop: Desktop, page: str) -> None:
    window = desktop.window
    window.show_page(page)
    QApplication.processEvents()
    whole = window._pages.height()
    for kind in ("ok", "danger"):
        desktop.context.toast_wanted.emit("Saved run.log.", kind)
    QApplication.processEvents()
    foot = window._pages.mapTo(window, window._pages.rect().bottomLeft()).y()
    toasts = window._toasts.toasts()
    assert len(toasts) == 2 and all(toast.y() > foot for toast in toasts)
    assert all(toast.geometry().bottom() < window.height() for toast in toasts)
    for toast in toasts:
        toast.dismiss()
    QApplication.processEvents()
    assert window._pages.height() == whole


def test_a_followed_log_stays_at_its_end_beside_a_toast(desktop: Desktop) -> None:
    window = desktop.window
    window.show_page("runs")
    log = window.runs.detail.log.pane
    log.append(b"".join(b"line %d\n" % n for n in range(500)), 0)
    QApplication.processEvents()
    desktop.context.toast_wanted.emit("Saved run.log.", "ok")
    QApplication.processEvents()
    bar = log.verticalScrollBar()
    assert log.following() and bar.value() == bar.maximum()
