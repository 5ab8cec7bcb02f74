"""Outputs of all runs: the runs at the left, what they left at the right."""

from PySide6.QtCore import Qt
from PySide6.QtGui import QHideEvent, QShowEvent
from PySide6.QtWidgets import QSplitter, QVBoxLayout, QWidget

from lanherd_desktop.models.run_list import RunListModel
from lanherd_desktop.state.room import RoomChange, RunKey
from lanherd_desktop.views.context import WindowContext
from lanherd_desktop.views.outputs.panel import OutputsPanel
from lanherd_desktop.views.room_stack import RoomStack
from lanherd_desktop.views.run_list_pane import LIST_WIDTH, RunListPane
from lanherd_desktop.views.theme.icons import IconName
from lanherd_desktop.views.theme.tokens import SPACE_4, SPACE_5
from lanherd_desktop.views.widgets.empty_state import EmptyState
from lanherd_desktop.views.widgets.labels import ElidedLabel
from lanherd_desktop.views.words import run_signs_tooltip, run_spoken, run_subtitle


class OutputsPage(QWidget):
    """Watches the chosen run's outputs while the page is shown."""

    def __init__(self, context: WindowContext) -> None:
        super().__init__()
        self._context = context
        self._title = ElidedLabel("", "title")
        self.panel = OutputsPanel(context)
        right = QWidget()
        column = QVBoxLayout(right)
        column.setContentsMargins(SPACE_5, SPACE_4, SPACE_5, SPACE_4)
        column.addWidget(self._title)
        column.addWidget(self.panel, 1)
        self.list = _PanelList(
            context,
            self.tr("Outputs"),
            RunListModel(run_subtitle, context.run_trailing, run_spoken, run_signs_tooltip, self),
            self,
        )
        self.list.new_run.setVisible(False)
        split = QSplitter(Qt.Orientation.Horizontal)
        split.setChildrenCollapsible(False)
        split.setHandleWidth(1)
        self.list.setMinimumWidth(260)
        split.addWidget(self.list)
        split.addWidget(right)
        split.setStretchFactor(1, 1)
        split.setSizes([LIST_WIDTH, 10_000])
        empty = EmptyState(
            IconName.FILES,
            self.tr("No outputs yet"),
            self.tr("Files that runs leave behind are collected here."),
        )
        self._stack = RoomStack(context, split, empty, "rows")
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.addWidget(self._stack)
        context.room_changed.connect(self._on_room_changed)
        self._on_room_changed(None)

    def show_chosen(self, key: RunKey | None) -> None:
        row = self._context.row(key) if key is not None else None
        self._title.setText(row.title if row is not None else "")
        self.panel.show_run(key if self.isVisible() else None)

    def showEvent(self, event: QShowEvent) -> None:
        """Begin to watch, and choose the newest run when none is chosen yet."""
        super().showEvent(event)
        if self.list.has_chosen():
            self.show_chosen(self.list.chosen)
        else:
            self.list.choose_first()

    def hideEvent(self, event: QHideEvent) -> None:
        super().hideEvent(event)
        self.panel.show_run(None)

    def _on_room_changed(self, change: RoomChange | None) -> None:
        self._stack.show_room(bool(self._context.room.runs))
        if self.isVisible() and not self.list.has_chosen():
            self.list.choose_first()


class _PanelList(RunListPane):
    """The list whose choice the outputs panel shows."""

    def __init__(
        self, context: WindowContext, title: str, model: RunListModel, page: OutputsPage
    ) -> None:
        self._page = page
        super().__init__(context, title, model)

    def on_chosen(self, key: RunKey | None) -> None:
        self._page.show_chosen(key)
