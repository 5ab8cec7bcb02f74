"""The theme in force: one palette of tokens, given to Qt as QPalette and one style sheet.

A switch sets both anew; every widget then gets a PaletteChange event and repaints, so that
nothing has to restart or to be told by hand. What caches a colour listens to `notifier()`.
"""

from dataclasses import dataclass, fields
from functools import lru_cache
from typing import Literal

from PySide6.QtCore import QObject, Qt, Signal
from PySide6.QtGui import QColor, QPalette
from PySide6.QtWidgets import QApplication

from lanherd_desktop.views.theme import tokens
from lanherd_desktop.views.theme.fonts import ui_font
from lanherd_desktop.views.theme.style_sheet import style_sheet
from lanherd_desktop.views.theme.tokens import DARK, LIGHT, Palette

Mode = Literal["dark", "light", "system"]


@dataclass(frozen=True, slots=True)
class Colours:
    """A palette as QColors. They are shared: copy before changing one."""

    background: QColor
    surface: QColor
    raised: QColor
    hover: QColor
    border: QColor
    border_strong: QColor
    track: QColor
    text: QColor
    muted: QColor
    accent: QColor
    accent_hover: QColor
    accent_pressed: QColor
    on_accent: QColor
    foreign: QColor
    danger: QColor
    ok: QColor
    info: QColor
    violet: QColor
    selection: QColor
    match: QColor
    match_current: QColor
    on_match: QColor

    def named(self, token: str) -> QColor:
        """Raises AttributeError for a token that doesn't exist."""
        colour = getattr(self, token)
        assert isinstance(colour, QColor)
        return colour


class ThemeNotifier(QObject):
    """`changed` follows each switch, after palette and style sheet are in force."""

    changed = Signal()


class _Current:
    def __init__(self) -> None:
        self.mode: Mode = "dark"
        self.palette: Palette = DARK
        self.listening: QApplication | None = None
        self.dressed = True


_current = _Current()


@lru_cache(maxsize=1)
def notifier() -> ThemeNotifier:
    return ThemeNotifier()


@lru_cache(maxsize=2)
def _colours_of(palette: Palette) -> Colours:
    return Colours(**{f.name: QColor(getattr(palette, f.name)) for f in fields(palette)})


def colours() -> Colours:
    return _colours_of(_current.palette)


def mode() -> Mode:
    """What was asked for; `is_dark` says what it came to."""
    return _current.mode


def is_dark() -> bool:
    return _current.palette is DARK


def apply(app: QApplication, wanted: Mode) -> None:
    """Puts a theme in force, live. 'system' follows the desktop from now on."""
    _current.dressed = True
    _choose(app, wanted)


def _choose(app: QApplication, wanted: Mode) -> None:
    _current.mode = wanted
    if _current.listening is not app:
        app.setStyle("Fusion")
        app.styleHints().colorSchemeChanged.connect(lambda _scheme: _follow_system(app))
        _current.listening = app
    _put_in_force(app, _palette_for(app, wanted))


def prepare(app: QApplication, wanted: Mode) -> None:
    """As `apply`, but for the style sheet: with one in force, Qt works a widget's look out anew
    each time that it finds a parent, which takes half of a window's making."""
    _current.dressed = False
    _choose(app, wanted)


def dress(app: QApplication) -> None:
    """Put the style sheet in force that `prepare` left out."""
    _current.dressed = True
    app.setStyleSheet(style_sheet(_current.palette))


def _follow_system(app: QApplication) -> None:
    if _current.mode == "system":
        _put_in_force(app, _palette_for(app, "system"))


def system_scheme(app: QApplication) -> Qt.ColorScheme:
    """What the desktop asks for; Unknown where it doesn't say."""
    return app.styleHints().colorScheme()


def _palette_for(app: QApplication, wanted: Mode) -> Palette:
    if wanted == "system":
        return LIGHT if system_scheme(app) is Qt.ColorScheme.Light else DARK
    return DARK if wanted == "dark" else LIGHT


def _put_in_force(app: QApplication, palette: Palette) -> None:
    _current.palette = palette
    app.setFont(ui_font(tokens.FONT_BASE))
    app.setPalette(_qt_palette(_colours_of(palette)))
    if _current.dressed:
        app.setStyleSheet(style_sheet(palette))
    notifier().changed.emit()


def _qt_palette(c: Colours) -> QPalette:
    role = QPalette.ColorRole
    result = QPalette()
    for name, colour in (
        (role.Window, c.background),
        (role.WindowText, c.text),
        (role.Base, c.surface),
        (role.AlternateBase, c.hover),
        (role.Text, c.text),
        (role.Button, c.surface),
        (role.ButtonText, c.text),
        (role.BrightText, c.danger),
        (role.Highlight, c.selection),
        (role.HighlightedText, c.text),
        (role.ToolTipBase, c.raised),
        (role.ToolTipText, c.text),
        (role.PlaceholderText, c.muted),
        (role.Link, c.accent),
        (role.LinkVisited, c.accent),
        (role.Accent, c.accent),
        (role.Light, c.raised),
        (role.Midlight, c.raised),
        (role.Mid, c.border),
        (role.Dark, c.border),
        (role.Shadow, c.background),
    ):
        result.setColor(name, colour)
    for name in (role.WindowText, role.Text, role.ButtonText):
        result.setColor(QPalette.ColorGroup.Disabled, name, c.muted)
    return result
