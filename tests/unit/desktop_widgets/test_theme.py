from dataclasses import asdict

import pytest
from PySide6.QtCore import Qt
from PySide6.QtGui import QColor, QPalette
from PySide6.QtWidgets import QApplication
from pytestqt.qtbot import QtBot

from lanherd_desktop.platform.resources import resources_path
from lanherd_desktop.views.theme import icons, theme
from lanherd_desktop.views.theme.fonts import mono_font, ui_font
from lanherd_desktop.views.theme.icons import IconName
from lanherd_desktop.views.theme.tokens import ANSI_TOKENS, DARK, LIGHT, Palette
from lanherd_desktop.views.widgets.buttons import GhostButton, IconButton, MenuButton


def luminance(colour: str) -> float:
    def linear(value: float) -> float:
        return value / 12.92 if value <= 0.04045 else ((value + 0.055) / 1.055) ** 2.4

    c = QColor(colour)
    return 0.2126 * linear(c.redF()) + 0.7152 * linear(c.greenF()) + 0.0722 * linear(c.blueF())


def contrast(one: str, other: str) -> float:
    high, low = sorted((luminance(one), luminance(other)), reverse=True)
    return (high + 0.05) / (low + 0.05)


@pytest.mark.parametrize("palette", [DARK, LIGHT], ids=["dark", "light"])
def test_words_can_be_read_on_every_ground(palette: Palette) -> None:
    colours = asdict(palette)
    for ground in ("background", "surface"):
        for words in ("text", "muted", *ANSI_TOKENS):
            assert contrast(colours[words], colours[ground]) >= 4.5, (words, ground)
    assert contrast(palette.text, palette.raised) >= 4.5
    assert contrast(palette.muted, palette.raised) >= 4.5
    assert contrast(palette.on_accent, palette.accent) >= 4.5
    assert contrast(palette.text, palette.selection) >= 4.5
    assert contrast(palette.on_match, palette.match_current) >= 4.5
    assert contrast(palette.text, palette.match) >= 4.5


def test_a_switch_is_live(qapp: QApplication, qtbot: QtBot) -> None:
    button = GhostButton("Run", IconName.PLAY)
    qtbot.addWidget(button)
    before = button.icon().pixmap(16, 16).toImage()
    with qtbot.waitSignal(theme.notifier().changed):
        theme.apply(qapp, "light")
    assert theme.mode() == "light"
    assert not theme.is_dark()
    assert qapp.palette().color(QPalette.ColorRole.Window).name() == LIGHT.background
    assert LIGHT.accent in qapp.styleSheet()
    assert button.icon().pixmap(16, 16).toImage() != before


def test_system_follows_the_desktop(qapp: QApplication, monkeypatch: pytest.MonkeyPatch) -> None:
    said = Qt.ColorScheme.Light
    monkeypatch.setattr(theme, "system_scheme", lambda _app: said)
    theme.apply(qapp, "system")
    assert not theme.is_dark()
    said = Qt.ColorScheme.Dark
    qapp.styleHints().colorSchemeChanged.emit(said)
    assert theme.is_dark()
    theme.apply(qapp, "light")
    qapp.styleHints().colorSchemeChanged.emit(said)
    assert not theme.is_dark()


def test_every_icon_is_there_and_is_tinted() -> None:
    for name in IconName:
        image = icons.pixmap(name, "danger", 16, 2.0).toImage()
        assert (image.width(), image.height()) == (32, 32)
        colours = {
            image.pixelColor(x, y).name()
            for x in range(32)
            for y in range(32)
            if image.pixelColor(x, y).alpha() == 255
        }
        assert DARK.danger in colours, name


def test_icons_are_drawn_once() -> None:
    first = icons.pixmap(IconName.PLAY, "text", 16, 1.0)
    assert icons.pixmap(IconName.PLAY, "text", 16, 1.0).cacheKey() == first.cacheKey()


def test_the_licence_stands_beside_the_icons() -> None:
    text = (resources_path() / "icons" / "lucide" / "LICENSE").read_text(encoding="utf-8")
    assert text.startswith("ISC License")


def test_an_unknown_token_is_refused() -> None:
    with pytest.raises(AttributeError):
        theme.colours().named("pink")


def test_fonts_have_the_sizes_of_the_scale() -> None:
    assert ui_font(20).pixelSize() == 20
    assert mono_font().fixedPitch()
    assert not ui_font().fixedPitch()


def test_an_icon_alone_has_a_name(qtbot: QtBot) -> None:
    button = IconButton(IconName.COPY, "Copy path")
    menu = MenuButton("Grid")
    for widget in (button, menu):
        qtbot.addWidget(widget)
    assert button.accessibleName() == button.toolTip() == "Copy path"
    button.set_icon_name(IconName.CHECK)
    menu.set_icon_name(None)
