"""Buttons: few on a page, one of them primary."""

from typing import Literal

from PySide6.QtCore import QEvent, QSize, Qt
from PySide6.QtWidgets import QPushButton, QToolButton, QWidget

from lanherd_desktop.views.theme import tokens
from lanherd_desktop.views.theme.icons import IconName, icon, spaced_icon

_Kind = Literal["primary", "ghost", "danger"]
_ICON = 16
_ICON_GAP = 4
_ICON_TOKENS = {"primary": "on_accent", "ghost": "text", "danger": "danger"}


class _Button(QPushButton):
    def __init__(
        self, kind: _Kind, text: str, name: IconName | None, parent: QWidget | None
    ) -> None:
        super().__init__(text, parent)
        self._kind = kind
        self._icon_name = name
        self.setProperty("kind", kind)
        self.setCursor(Qt.CursorShape.PointingHandCursor)
        self.setIconSize(QSize(_ICON + _ICON_GAP, _ICON))
        self._tint()

    def set_icon_name(self, name: IconName | None) -> None:
        self._icon_name = name
        self._tint()

    def _tint(self) -> None:
        if self._icon_name is not None:
            behind = self.layoutDirection() is Qt.LayoutDirection.RightToLeft
            self.setIcon(
                spaced_icon(
                    self._icon_name,
                    _ICON_TOKENS[self._kind],
                    _ICON,
                    left=_ICON_GAP if behind else 0,
                    right=0 if behind else _ICON_GAP,
                )
            )

    def changeEvent(self, event: QEvent) -> None:
        super().changeEvent(event)
        if event.type() == QEvent.Type.PaletteChange:
            self._tint()


class PrimaryButton(_Button):
    def __init__(
        self, text: str, icon: IconName | None = None, parent: QWidget | None = None
    ) -> None:
        super().__init__("primary", text, icon, parent)


class GhostButton(_Button):
    def __init__(
        self, text: str, icon: IconName | None = None, parent: QWidget | None = None
    ) -> None:
        super().__init__("ghost", text, icon, parent)


class DangerButton(_Button):
    def __init__(
        self, text: str, icon: IconName | None = None, parent: QWidget | None = None
    ) -> None:
        super().__init__("danger", text, icon, parent)


class MenuButton(_Button):
    """A ghost button that opens a menu, and says so."""

    def __init__(self, text: str, parent: QWidget | None = None) -> None:
        super().__init__("ghost", text, IconName.CHEVRON_DOWN, parent)
        self.setLayoutDirection(Qt.LayoutDirection.RightToLeft)
        self._tint()


class IconButton(QToolButton):
    """Only an icon: its name is what a screen reader and the tooltip say."""

    def __init__(self, icon: IconName, name: str, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._icon_name = icon
        self.setToolTip(name)
        self.setAccessibleName(name)
        self.setCursor(Qt.CursorShape.PointingHandCursor)
        self.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
        self.setIconSize(QSize(_ICON, _ICON))
        self.setFixedSize(tokens.CONTROL_HEIGHT - 2, tokens.CONTROL_HEIGHT - 2)
        self._tint()

    def set_icon_name(self, name: IconName) -> None:
        self._icon_name = name
        self._tint()

    def _tint(self) -> None:
        self.setIcon(icon(self._icon_name, "muted", _ICON))

    def changeEvent(self, event: QEvent) -> None:
        super().changeEvent(event)
        if event.type() == QEvent.Type.PaletteChange:
            self._tint()
