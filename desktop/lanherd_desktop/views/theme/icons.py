"""Lucide icons, tinted by a token of the current theme and drawn once per size and density."""

from enum import StrEnum
from functools import lru_cache

from PySide6.QtCore import QByteArray, QRectF, Qt
from PySide6.QtGui import QIcon, QPainter, QPixmap
from PySide6.QtSvg import QSvgRenderer

from lanherd_desktop.platform.resources import resources_path
from lanherd_desktop.views.theme.theme import colours

# Sharp on every screen that Qt may move the window to.
_DENSITIES = (1.0, 2.0, 3.0)


class IconName(StrEnum):
    SERVER = "server"
    FOLDER = "folder"
    FOLDER_OPEN = "folder-open"
    PLAY = "play"
    FILES = "files"
    BOX = "box"
    PACKAGE = "package"
    ACTIVITY = "activity"
    SETTINGS = "settings"
    SEARCH = "search"
    PLUS = "plus"
    X = "x"
    COPY = "copy"
    CHECK = "check"
    CHEVRON_DOWN = "chevron-down"
    CHEVRON_UP = "chevron-up"
    CHEVRON_LEFT = "chevron-left"
    CHEVRON_RIGHT = "chevron-right"
    ALERT = "triangle-alert"
    ALERT_ROUND = "circle-alert"
    INFO = "info"
    STOP = "square"
    REFRESH = "refresh-cw"
    DOWNLOAD = "download"
    FILE = "file"
    FILE_TEXT = "file-text"
    FILE_IMAGE = "file-image"
    TABLE = "table"
    CHART = "chart-line"
    TERMINAL = "terminal"
    CPU = "cpu"
    EYE = "eye"
    EXTERNAL = "external-link"
    SUN = "sun"
    MOON = "moon"
    MONITOR = "monitor"
    MENU = "menu"
    CLOCK = "clock"
    ZOOM_IN = "zoom-in"
    ZOOM_OUT = "zoom-out"
    FIT = "maximize"
    LINK = "link"
    TRASH = "trash-2"
    PAUSE = "pause"
    PIN = "pin"
    ARROW_DOWN = "arrow-down"
    KEYBOARD = "keyboard"
    LANGUAGES = "languages"
    FOLD = "panel-left-close"
    UNFOLD = "panel-left-open"


@lru_cache(maxsize=128)
def _svg(name: IconName) -> str:
    path = resources_path() / "icons" / "lucide" / f"{name.value}.svg"
    return path.read_text(encoding="utf-8")


@lru_cache(maxsize=1024)
def _tinted(name: IconName, colour: str, size: int, density: float) -> QPixmap:
    source = _svg(name).replace("currentColor", colour)
    renderer = QSvgRenderer(QByteArray(source.encode()))
    drawn = QPixmap(round(size * density), round(size * density))
    drawn.setDevicePixelRatio(density)
    drawn.fill(Qt.GlobalColor.transparent)
    painter = QPainter(drawn)
    renderer.render(painter, QRectF(0, 0, size, size))
    painter.end()
    return drawn


def pixmap(name: IconName, token: str = "text", size: int = 16, density: float = 1.0) -> QPixmap:
    return _tinted(name, colours().named(token).name(), size, density)


def icon(
    name: IconName, token: str = "text", size: int = 16, disabled_token: str = "muted"
) -> QIcon:
    """An icon of the current theme; ask again when the theme's notifier says `changed`."""
    return spaced_icon(name, token, size, disabled_token)


def spaced_icon(
    name: IconName,
    token: str = "text",
    size: int = 16,
    disabled_token: str = "muted",
    *,
    left: int = 0,
    right: int = 0,
) -> QIcon:
    """An icon with room at its sides, where a control has no setting for it."""
    result = QIcon()
    for density in _DENSITIES:
        for mode, tint in ((QIcon.Mode.Normal, token), (QIcon.Mode.Disabled, disabled_token)):
            drawn = pixmap(name, tint, size, density)
            result.addPixmap(_padded(drawn, size, density, left, right), mode)
    return result


def _padded(drawn: QPixmap, size: int, density: float, left: int, right: int) -> QPixmap:
    if not left and not right:
        return drawn
    wide = QPixmap(round((left + size + right) * density), round(size * density))
    wide.setDevicePixelRatio(density)
    wide.fill(Qt.GlobalColor.transparent)
    painter = QPainter(wide)
    painter.drawPixmap(left, 0, drawn)
    painter.end()
    return wide
