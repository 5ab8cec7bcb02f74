"""A machine, a project, an environment: one card with its title, state, body and rows."""

from enum import StrEnum

from PySide6.QtCore import QEvent, QRectF, QSize, Qt, Signal
from PySide6.QtGui import QKeyEvent, QMouseEvent, QPainter, QPaintEvent, QPen, QResizeEvent
from PySide6.QtWidgets import QFrame, QHBoxLayout, QSizePolicy, QVBoxLayout, QWidget

from lanherd_desktop.state.chips import ChipKind
from lanherd_desktop.views.theme import tokens
from lanherd_desktop.views.theme.theme import colours
from lanherd_desktop.views.widgets.chip import Chip
from lanherd_desktop.views.widgets.labels import Divider, ElidedLabel, Label
from lanherd_desktop.views.widgets.painting import draw_focus_ring, with_alpha


class DotKind(StrEnum):
    OK = "ok"
    DANGER = "danger"
    INFO = "info"
    WARN = "foreign"
    MUTED = "muted"
    NONE = ""


class StatusDot(QWidget):
    """The colour beside a status word."""

    def __init__(self, kind: DotKind = DotKind.NONE, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._kind = kind
        self.setFixedSize(8, 8)
        self.setVisible(kind is not DotKind.NONE)

    def set_kind(self, kind: DotKind) -> None:
        if kind is not self._kind:
            self._kind = kind
            self.setVisible(kind is not DotKind.NONE)
            self.update()

    def paintEvent(self, _event: QPaintEvent) -> None:
        if self._kind is DotKind.NONE:
            return
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        painter.setPen(Qt.PenStyle.NoPen)
        painter.setBrush(colours().named(self._kind.value))
        painter.drawEllipse(QRectF(0, 0, 8, 8))
        painter.end()


class _Veil(QWidget):
    """Dims what lies under it without touching it: still readable, clearly not current."""

    def __init__(self, parent: QWidget) -> None:
        super().__init__(parent)
        self.setAttribute(Qt.WidgetAttribute.WA_TransparentForMouseEvents)

    def paintEvent(self, _event: QPaintEvent) -> None:
        painter = QPainter(self)
        painter.fillRect(self.rect(), with_alpha(colours().surface, tokens.DIMMED_ALPHA))
        painter.end()


class CardFrame(QFrame):
    activated = Signal()

    def __init__(self, title: str = "", parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._dashed = False
        self._activatable = False
        self._hovered = False
        self._rows_empty = False
        self._veil: _Veil | None = None
        policy = QSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Preferred)
        policy.setHeightForWidth(True)
        self.setSizePolicy(policy)
        self._title = ElidedLabel(title, "card")
        self._badge: Chip | None = None
        self._dot = StatusDot()
        self._status = ElidedLabel("", "secondary")
        self._subtitle = ElidedLabel("", "secondary")
        self._divider = Divider()
        self._note = Label("", "secondary", wrap=True)
        self.body = QVBoxLayout()
        self.rows = QVBoxLayout()
        self._row_widgets: list[QWidget] = []
        self._build()
        self.setAccessibleName(title)

    def _build(self) -> None:
        self._head = QHBoxLayout()
        self._head.setSpacing(tokens.SPACE_2)
        self._head.addWidget(self._title, 0)
        self._head.addStretch(1)
        self._head.addWidget(self._dot)
        self._head.addWidget(self._status, 0)
        self.body.setSpacing(tokens.SPACE_2)
        self.rows.setSpacing(tokens.SPACE_1)
        whole = QVBoxLayout(self)
        whole.setContentsMargins(tokens.SPACE_4, tokens.SPACE_3, tokens.SPACE_4, tokens.SPACE_4)
        whole.setSpacing(tokens.SPACE_2)
        whole.addLayout(self._head)
        whole.addWidget(self._subtitle)
        whole.addLayout(self.body)
        whole.addSpacing(tokens.SPACE_1)
        whole.addWidget(self._divider)
        whole.addLayout(self.rows)
        whole.addWidget(self._note)
        for part in (self._subtitle, self._divider, self._note):
            part.hide()

    # --- What it says

    def set_title(self, title: str) -> None:
        self._title.setText(title)
        self.setAccessibleName(title)

    def set_badge(self, kind: ChipKind | None, text: str | None = None) -> None:
        """A chip beside the title, as 'simulated'; None takes it away."""
        if kind is None:
            if self._badge is not None:
                self._badge.deleteLater()
                self._badge = None
        elif self._badge is None:
            self._badge = Chip(kind, text, self)
            self._head.insertWidget(1, self._badge)
        else:
            self._badge.set_kind(kind, text)

    def set_status(self, kind: DotKind, text: str) -> None:
        self._dot.set_kind(kind)
        self._status.setText(text)
        self._give_room()

    def set_subtitle(self, text: str) -> None:
        self._subtitle.setText(text)
        self._subtitle.setVisible(bool(text))

    def set_note(self, text: str, danger: bool = False) -> None:
        """The sentence at the foot of the card; '' takes it away."""
        self._note.set_role("danger" if danger else "secondary")
        self._note.set_text(text)
        self._note.setVisible(bool(text))
        self._show_divider()

    def add_row(self, row: QWidget) -> None:
        self.rows.addWidget(row)
        self._row_widgets.append(row)
        self._show_divider()

    def set_rows_empty(self, empty: bool) -> None:
        """Whether there are rows and none of them shows anything now."""
        self._rows_empty = empty
        self._show_divider()

    def clear_rows(self) -> None:
        for row in self._row_widgets:
            self.rows.removeWidget(row)
            row.hide()
            row.deleteLater()
        self._row_widgets.clear()
        self._show_divider()

    def _show_divider(self) -> None:
        rows = bool(self._row_widgets) and not self._rows_empty
        self._divider.setVisible(rows or bool(self._note.text()))

    # --- How it looks

    def set_dimmed(self, dimmed: bool) -> None:
        """The last known picture of what can't be reached now."""
        if dimmed and self._veil is None:
            self._veil = _Veil(self)
            self._place_veil()
            self._veil.show()
        elif not dimmed and self._veil is not None:
            self._veil.deleteLater()
            self._veil = None

    def set_dashed(self, dashed: bool) -> None:
        """A dashed frame: something that isn't part of the pool yet."""
        self._dashed = dashed
        self.update()

    def set_activatable(self, activatable: bool) -> None:
        """Clicks, Enter and Space then emit `activated`."""
        self._activatable = activatable
        self.setFocusPolicy(Qt.FocusPolicy.TabFocus if activatable else Qt.FocusPolicy.NoFocus)

    def minimumSizeHint(self) -> QSize:
        return QSize(200, super().minimumSizeHint().height())

    def resizeEvent(self, event: QResizeEvent) -> None:
        super().resizeEvent(event)
        self._place_veil()
        self._give_room()

    def _give_room(self) -> None:
        """A long name gives way to the state up to the middle of the card."""
        wanted = self._status.sizeHint().width()
        self._status.setMinimumWidth(min(wanted, self.width() * 45 // 100))

    def _place_veil(self) -> None:
        if self._veil is not None:
            self._veil.setGeometry(self.rect().adjusted(2, 2, -2, -2))
            self._veil.raise_()
            # What is wrong and since when is read now, whatever is dimmed.
            self._status.raise_()
            self._note.raise_()

    def event(self, event: QEvent) -> bool:
        if event.type() in (QEvent.Type.HoverEnter, QEvent.Type.Enter):
            self._hovered = True
            self.update()
        elif event.type() in (QEvent.Type.HoverLeave, QEvent.Type.Leave):
            self._hovered = False
            self.update()
        return super().event(event)

    def mouseReleaseEvent(self, event: QMouseEvent) -> None:
        super().mouseReleaseEvent(event)
        if (
            self._activatable
            and event.button() is Qt.MouseButton.LeftButton
            and self.rect().contains(event.position().toPoint())
        ):
            self.activated.emit()

    def keyPressEvent(self, event: QKeyEvent) -> None:
        keys = (Qt.Key.Key_Return, Qt.Key.Key_Enter, Qt.Key.Key_Space)
        if self._activatable and event.key() in keys:
            self.activated.emit()
        else:
            super().keyPressEvent(event)

    def paintEvent(self, _event: QPaintEvent) -> None:
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        c = colours()
        lifted = self._activatable and self._hovered
        pen = QPen(c.border_strong if lifted else c.border, 1)
        if self._dashed:
            pen.setColor(c.border_strong)
            pen.setDashPattern([4, 3])
        painter.setPen(pen)
        painter.setBrush(c.surface)
        frame = QRectF(self.rect()).adjusted(0.5, 0.5, -0.5, -0.5)
        painter.drawRoundedRect(frame, tokens.RADIUS_CARD, tokens.RADIUS_CARD)
        if self.hasFocus():
            draw_focus_ring(painter, QRectF(self.rect()), c.accent, tokens.RADIUS_CARD)
        painter.end()
