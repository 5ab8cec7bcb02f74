"""A list of runs with its title and filter, as the pages of runs and of outputs have it."""

from PySide6.QtCore import QItemSelectionModel, QModelIndex, QPoint, Qt, Signal
from PySide6.QtWidgets import (
    QAbstractItemView,
    QFrame,
    QHBoxLayout,
    QListView,
    QVBoxLayout,
    QWidget,
)

from lanherd_desktop.models.roles import RowRole
from lanherd_desktop.models.run_list import RunListModel
from lanherd_desktop.state.groups import group_progress
from lanherd_desktop.state.room import RoomChange, RunKey
from lanherd_desktop.state.runs import run_accepted, run_query
from lanherd_desktop.state.submit_form import SubmitForm
from lanherd_desktop.views.context import WindowContext
from lanherd_desktop.views.group_line import GroupLine
from lanherd_desktop.views.theme.icons import IconName
from lanherd_desktop.views.theme.tokens import SPACE_3, SPACE_4
from lanherd_desktop.views.widgets.buttons import IconButton
from lanherd_desktop.views.widgets.empty_state import EmptyState
from lanherd_desktop.views.widgets.labels import Label
from lanherd_desktop.views.widgets.list_row import ListRowDelegate
from lanherd_desktop.views.widgets.page_stack import StateStack
from lanherd_desktop.views.widgets.search_field import SearchField

LIST_WIDTH = 386


class RunListPane(QWidget):
    """A title, a filter and the list; remembers the chosen run by its key, not by its place.

    With `several`, more runs can be chosen beside the one that is shown.
    """

    chosen_changed = Signal()
    menu_wanted = Signal(QPoint)
    """A menu of the chosen runs, at a place of the screen."""

    def __init__(
        self, context: WindowContext, title: str, model: RunListModel, *, several: bool = False
    ) -> None:
        super().__init__()
        self.context = context
        self.model = model
        self.chosen: RunKey | None = None
        self.search = SearchField(self.tr("Filter, or state:running tag:sweep"))
        self.view = QListView()
        self.view.setModel(model)
        self.view.setItemDelegate(ListRowDelegate(self.view))
        if several:
            self.view.setSelectionMode(QAbstractItemView.SelectionMode.ExtendedSelection)
            self.view.setContextMenuPolicy(Qt.ContextMenuPolicy.CustomContextMenu)
            self.view.customContextMenuRequested.connect(self._on_menu)
            self.view.selectionModel().selectionChanged.connect(self.chosen_changed)
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
        no_match = EmptyState(
            IconName.SEARCH,
            self.tr("No run matches"),
            self.tr("Other words, or none, show more of them."),
            self.tr("Clear the filter"),
        )
        no_match.activated.connect(lambda: self.search.set_query(""))
        self._no_match = no_match
        self.progress = GroupLine()
        layout.addWidget(self.progress)
        self._stack = StateStack(self.view)
        self._stack.keep(no_match)
        layout.addWidget(self._stack, 1)
        self.search.query_changed.connect(self._on_query)
        self.view.selectionModel().currentChanged.connect(self._on_current)
        model.modelReset.connect(self._restore)
        model.rowsInserted.connect(self._restore)
        model.rowsRemoved.connect(self._restore)
        context.room_changed.connect(self._on_room_changed)
        context.second_passed.connect(model.refresh_times)
        model.replace(context.rows())

    def has_chosen(self) -> bool:
        """Whether the chosen run is there, filtered or not."""
        return self.chosen is not None and self.chosen in self.context.room.runs

    def chosen_keys(self) -> list[RunKey]:
        """All that are chosen, in the order of the list; at least the one that is shown."""
        indexes = sorted(self.view.selectionModel().selectedIndexes(), key=QModelIndex.row)
        keys = [index.data(RowRole.KEY.value) for index in indexes]
        hidden = self.chosen is not None and self.model.place_of(self.chosen) is None
        if self.chosen is not None and (hidden or not keys):
            # What is shown is what one means, also where a filter hides its row.
            return [self.chosen]
        return keys

    def _on_menu(self, point: QPoint) -> None:
        if self.view.indexAt(point).isValid():
            self.menu_wanted.emit(self.view.viewport().mapToGlobal(point))

    def choose_first(self) -> None:
        """The newest run that is shown; nothing when there is none."""
        first = self.model.row_at(0)
        if first is not None:
            self.choose((first.machine, first.run))
        elif self.chosen is not None and not self.has_chosen():
            self.chosen = None
            self.on_chosen(None)

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
        if change.runs:
            self._show_progress()

    def _on_query(self, line: str) -> None:
        self.model.set_filter(line)
        self._show_progress()

    def _show_progress(self) -> None:
        """Of the runs of a group, where the filter names one."""
        query = run_query(self.search.query())
        if "group" not in query.terms:
            self.progress.hide()
            return
        rows = [row for row in self.context.rows().values() if run_accepted(row, query)]
        self.progress.show_progress(group_progress(rows))

    def _on_current(self, current: QModelIndex, previous: QModelIndex) -> None:
        key = current.data(RowRole.KEY.value) if current.isValid() else None
        if key is not None and key != self.chosen:
            self.chosen = key
            self.on_chosen(key)

    def _restore(self) -> None:
        place = self.model.place_of(self.chosen) if self.chosen is not None else None
        if self.model.rowCount() or not self.model.total:
            self._stack.show_content()
        else:
            self._stack.show_empty(self._no_match)
        if place is None:
            return
        index = self.model.index(place)
        selection = self.view.selectionModel()
        if selection.currentIndex() != index or not selection.isSelected(index):
            selection.setCurrentIndex(index, QItemSelectionModel.SelectionFlag.ClearAndSelect)
