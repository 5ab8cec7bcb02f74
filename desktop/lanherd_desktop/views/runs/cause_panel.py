"""How a run failed: the cause, what to do about it, and the lines of its log that show it."""

from PySide6.QtCore import Signal

from lanherd_desktop.views.widgets.buttons import GhostButton
from lanherd_desktop.views.widgets.error_panel import ErrorPanel
from lanherd_desktop.views.widgets.frame import Frame
from lanherd_desktop.views.widgets.labels import Label
from lanherd_desktop.views.words import reason_remedy, reason_text
from lanherd_protocol.ids import RunId
from lanherd_protocol.values import Reason

_BEFORE_BUTTONS = 2
"""The gap and the buttons are the last that the panel lays out."""


class CausePanel(ErrorPanel):
    log_wanted = Signal(str, object)
    """The stream (out or err) and the offset at which the lines begin. An object, since Qt's own
    whole numbers end at 2 GB."""

    def __init__(self) -> None:
        super().__init__()
        self._where: tuple[str, int] | None = None
        self.lines = Label("", "mono", wrap=True, selectable=True)
        self.lines.setAccessibleName(self.tr("Lines of the log"))
        self._quote = Frame(sunken=True)
        self._quote.body.addWidget(self.lines)
        self.words.insertWidget(self.words.count() - _BEFORE_BUTTONS, self._quote)
        self.log_button = GhostButton(self.tr("Show in log"))
        self.log_button.clicked.connect(self._on_log)
        self.buttons.insertWidget(0, self.log_button)

    def show_reason(self, run: RunId, reason: Reason) -> None:
        """Why a run did not succeed."""
        lines = str(reason.data.get("lines", ""))
        self.lines.set_text(lines)
        self._quote.setVisible(bool(lines))
        offset = reason.data.get("offset")
        known = isinstance(offset, int) and bool(lines)
        stream = "err" if reason.data.get("stream") == "err" else "out"
        self._where = (stream, offset) if isinstance(offset, int) and known else None
        self.log_button.setVisible(known)
        self.set_error(
            self.tr("This run did not succeed."),
            reason_text(reason, remedy=False),
            reason_remedy(reason),
            "\n".join(part for part in (run, reason.text, lines) if part),
        )

    def _on_log(self) -> None:
        if self._where is not None:
            self.log_wanted.emit(*self._where)
