"""Text in the window: plain, by role, cut with an ellipsis where it has no room."""

from typing import Literal

from PySide6.QtCore import QSize, Qt
from PySide6.QtGui import QFont, QFontMetrics, QPainter, QPaintEvent
from PySide6.QtWidgets import QFrame, QLabel, QSizePolicy, QWidget

from lanherd_desktop.views.theme import tokens
from lanherd_desktop.views.theme.fonts import mono_font, strong_font, ui_font
from lanherd_desktop.views.theme.theme import colours

Role = Literal["base", "title", "card", "strong", "secondary", "small", "muted", "mono", "danger"]


def role_font(role: Role) -> QFont:
    match role:
        case "title":
            return strong_font(tokens.FONT_TITLE)
        case "card":
            return strong_font(tokens.FONT_CARD)
        case "strong":
            return strong_font(tokens.FONT_BASE)
        case "secondary" | "danger":
            return ui_font(tokens.FONT_SECONDARY)
        case "small":
            return ui_font(tokens.FONT_SMALL)
        case "mono":
            return mono_font(tokens.FONT_SECONDARY)
        case _:
            return ui_font(tokens.FONT_BASE)


def role_token(role: Role) -> str:
    if role in ("secondary", "small", "muted"):
        return "muted"
    return "danger" if role == "danger" else "text"


class Label(QLabel):
    """A QLabel that never reads markup."""

    def __init__(
        self,
        text: str = "",
        role: Role = "base",
        parent: QWidget | None = None,
        *,
        wrap: bool = False,
        selectable: bool = False,
    ) -> None:
        super().__init__(parent)
        self.setTextFormat(Qt.TextFormat.PlainText)
        self.setProperty("role", role)
        self.setFont(role_font(role))
        self.setWordWrap(wrap)
        if selectable:
            self.setTextInteractionFlags(
                Qt.TextInteractionFlag.TextSelectableByMouse
                | Qt.TextInteractionFlag.TextSelectableByKeyboard
            )
        self.setText(text)

    def set_role(self, role: Role) -> None:
        if self.property("role") != role:
            self.setProperty("role", role)
            self.setFont(role_font(role))
            self.style().unpolish(self)
            self.style().polish(self)

    def set_text(self, text: str) -> None:
        """Without a new layout where nothing changed."""
        if text != self.text():
            self.setText(text)


class ElidedLabel(QWidget):
    """One line that gives way: the cut text's whole is its tooltip."""

    def __init__(
        self,
        text: str = "",
        role: Role = "base",
        mode: Qt.TextElideMode = Qt.TextElideMode.ElideRight,
        parent: QWidget | None = None,
    ) -> None:
        super().__init__(parent)
        self._text = ""
        self._role: Role = role
        self._mode = mode
        self.setFont(role_font(role))
        self.setSizePolicy(QSizePolicy.Policy.Preferred, QSizePolicy.Policy.Fixed)
        self.setText(text)

    def text(self) -> str:
        return self._text

    def setText(self, text: str) -> None:
        # A line end in a name mustn't make a second line.
        line = " ".join(text.split("\n"))
        if line != self._text:
            self._text = line
            self.setAccessibleName(line)
            self.updateGeometry()
            self.update()

    def set_role(self, role: Role) -> None:
        if role != self._role:
            self._role = role
            self.setFont(role_font(role))
            self.updateGeometry()
            self.update()

    def sizeHint(self) -> QSize:
        metrics = QFontMetrics(role_font(self._role))
        return QSize(metrics.horizontalAdvance(self._text) + 2, metrics.height() + 2)

    def minimumSizeHint(self) -> QSize:
        metrics = QFontMetrics(role_font(self._role))
        return QSize(min(self.sizeHint().width(), 24), metrics.height() + 2)

    def shown_text(self) -> str:
        metrics = QFontMetrics(role_font(self._role))
        return metrics.elidedText(self._text, self._mode, self.width())

    def paintEvent(self, _event: QPaintEvent) -> None:
        shown = self.shown_text()
        self.setToolTip(plain_tooltip(self._text) if shown != self._text else "")
        painter = QPainter(self)
        painter.setFont(role_font(self._role))
        token = role_token(self._role) if self.isEnabled() else "muted"
        painter.setPen(colours().named(token))
        align = Qt.AlignmentFlag.AlignVCenter | Qt.AlignmentFlag.AlignLeft
        painter.drawText(self.rect(), int(align | Qt.TextFlag.TextSingleLine), shown)
        painter.end()


def plain_tooltip(text: str) -> str:
    """Qt guesses markup in tooltips: this says that there is none."""
    escaped = text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
    return "<span>{}</span>".format(escaped.replace("\n", "<br>")) if text else ""


class Divider(QFrame):
    """A line of one pixel."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setFixedHeight(1)
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Fixed)

    def paintEvent(self, _event: QPaintEvent) -> None:
        painter = QPainter(self)
        painter.fillRect(self.rect(), colours().border)
        painter.end()
