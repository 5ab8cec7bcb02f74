"""Runs: the list stays at the left while the detail changes."""

from PySide6.QtCore import QItemSelectionModel, QModelIndex, Qt
from PySide6.QtWidgets import QFrame, QHBoxLayout, QListView, QSplitter, QVBoxLayout, QWidget

from lanherd_desktop.models.roles import RowRole
from lanherd_desktop.models.run_list import RunListModel
from lanherd_desktop.state.room import RoomChange, RunKey
from lanherd_desktop.state.submit_form import SubmitForm
from lanherd_desktop.views.context import WindowContext
from lanherd_desktop.views.runs.detail import RunDetail
from lanherd_desktop.views.theme.icons import IconName
from lanherd_desktop.views.theme.tokens import SPACE_3, SPACE_4
from lanherd_desktop.views.widgets.buttons import IconButton
from lanherd_desktop.views.widgets.empty_state import EmptyState
from lanherd_desktop.views.widgets.labels import Label
from lanherd_desktop.views.widgets.list_row import ListRowDelegate
from lanherd_desktop.views.widgets.page_stack import StateStack
from lanherd_desktop.views.widgets.search_field import SearchField
from lanherd_desktop.views.words import run_subtitle, run_trailing

LIST_WIDTH = 386


class RunListPane(QWidget):
    """A title, a filter and the list; remembers the chosen run by its key, not by its place."""

    def __init__(self, context: WindowContext, title: str, model: RunListModel) -> None:
        super().__init__()
        self.context = context
        self.model = model
        self.chosen: RunKey | None = None
        self.search = SearchField(self.tr("Filter, or state:running,waiting"))
        self.view = QListView()
        self.view.setModel(model)
        self.view.setItemDelegate(ListRowDelegate(self.view))
        self.view.setFrameShape(QFrame.Shape.NoFrame)
        self.view.setUniformItemSizes(True)
        self.view.setVerticalScrollMode(QListView.ScrollMode.ScrollPerPixel)
        self.view.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self.view.setAccessibleName(title)
        self.new_run = IconButton(IconName.PLUS, self.tr("New run"))
        self.new_run.clicked.connect(lambda: context.submit_wanted.emit(SubmitForm()))
        head = QHBoxLayout()
        head.setContentsMargins(14, 0, 14, 0)
        head.addWidget(Label(title, "title"))
        head.addStretch(1)
        head.addWidget(self.new_run)
        search_row = QHBoxLayout()
        search_row.setContentsMargins(14, 0, 14, 0)
        search_row.addWidget(self.search)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, SPACE_4, 0, 0)
        layout.setSpacing(SPACE_3)
        layout.addLayout(head)
        layout.addLayout(search_row)
        layout.addWidget(self.view, 1)
        self.search.query_changed.connect(self._on_query)
        self.view.selectionModel().currentChanged.connect(self._on_current)
        model.modelReset.connect(self._restore)
        context.room_changed.connect(self._on_room_changed)
        context.second_passed.connect(model.refresh_times)
        model.replace(context.rows())

    def choose(self, key: RunKey) -> None:
        """Select a run; the filter gives way when it hides it."""
        if self.model.place_of(key) is None and key in self.context.room.runs:
            self.search.set_query("")
            self.model.set_filter("")
        self.chosen = key
        self._restore()
        self.on_chosen(key)

    def on_chosen(self, key: RunKey | None) -> None:
        """Another run was chosen; for those who build on this pane."""

    def _on_room_changed(self, change: RoomChange) -> None:
        if change.runs_came_or_went or change.machines_came_or_went:
            self.model.replace(self.context.rows())
        elif change.runs:
            rows = {key: self.context.row(key) for key in change.runs}
            self.model.change({key: row for key, row in rows.items() if row is not None})

    def _on_query(self, line: str) -> None:
        self.model.set_filter(line)

    def _on_current(self, current: QModelIndex, previous: QModelIndex) -> None:
        key = current.data(RowRole.KEY.value) if current.isValid() else None
        if key is not None and key != self.chosen:
            self.chosen = key
            self.on_chosen(key)

    def _restore(self) -> None:
        place = self.model.place_of(self.chosen) if self.chosen is not None else None
        if place is None:
            return
        index = self.model.index(place)
        self.view.selectionModel().setCurrentIndex(
            index, QItemSelectionModel.SelectionFlag.ClearAndSelect
        )


class RunsPage(QWidget):
    """The list of runs, and the detail of one."""

    def __init__(self, context: WindowContext) -> None:
        super().__init__()
        self._context = context
        self.model = RunListModel(run_subtitle, run_trailing, self)
        self.detail = RunDetail(context)
        self.list = _DetailList(context, self.tr("Runs"), self.model, self.detail)
        self._split = QSplitter(Qt.Orientation.Horizontal)
        self._split.setChildrenCollapsible(False)
        self._split.setHandleWidth(1)
        self.list.setMinimumWidth(260)
        self.detail.setMinimumWidth(480)
        self._split.addWidget(self.list)
        self._split.addWidget(self.detail)
        self._split.setStretchFactor(1, 1)
        self._split.setSizes([LIST_WIDTH, 10_000])
        self._stack = StateStack(self._split)
        self._empty = EmptyState(
            IconName.PLAY,
            self.tr("No run yet"),
            self.tr("A run is a command with a snapshot of your project, on a GPU that fits."),
            self.tr("New run"),
        )
        self._empty.activated.connect(lambda: context.submit_wanted.emit(SubmitForm()))
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.addWidget(self._stack)
        context.room_changed.connect(self._on_room_changed)
        self._on_room_changed(None)

    def show_run(self, key: RunKey, tab: str) -> None:
        self.list.choose(key)
        if tab:
            self.detail.show_tab(tab)

    def _on_room_changed(self, change: RoomChange | None) -> None:
        if not self._context.room.runs:
            self._stack.show_empty(self._empty)
            return
        self._stack.show_content()
        if self.list.chosen is None or self.list.chosen not in self._context.room.runs:
            first = self.model.row_at(0)
            if first is not None:
                self.list.choose((first.machine, first.run))


class _DetailList(RunListPane):
    """The list whose choice the detail shows."""

    def __init__(
        self, context: WindowContext, title: str, model: RunListModel, detail: RunDetail
    ) -> None:
        self._detail = detail
        super().__init__(context, title, model)

    def on_chosen(self, key: RunKey | None) -> None:
        self._detail.show_run(key)
