"""A list of runs with its title and filter, as the pages of runs and of outputs have it."""

from PySide6.QtCore import QItemSelectionModel, QModelIndex, QPoint, Qt, Signal
from PySide6.QtWidgets import (
    QAbstractItemView,
    QFrame,
    QHBoxLayout,
    QVBoxLayout,
    QWidget,
)

from lanherd_desktop.models.roles import RowRole
from lanherd_desktop.models.run_list import RunListModel
from lanherd_desktop.state.groups import group_progress
from lanherd_desktop.state.room import RoomChange, RunKey
from lanherd_desktop.state.run_tree import Entry, GroupHead
from lanherd_desktop.state.runs import run_accepted, run_query
from lanherd_desktop.state.submit_form import SubmitForm
from lanherd_desktop.views.context import WindowContext
from lanherd_desktop.views.group_line import GroupLine
from lanherd_desktop.views.run_list_view import RunListView
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
    """A title, a filter and the list; remembers the chosen run by its key, not by its place, or the
    chosen sweep by its name.

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
        self.group = ""
        """The sweep whose head is chosen instead of a run."""
        self.search = SearchField(self.tr("Filter, or state:running tag:sweep"))
        self.view = self._list_view(title, several)
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
        model.modelReset.connect(self._restore)
        model.rowsInserted.connect(self._restore)
        model.rowsRemoved.connect(self._restore)
        context.room_changed.connect(self._on_room_changed)
        context.second_passed.connect(model.refresh_times)
        model.replace(context.rows())

    def _list_view(self, title: str, several: bool) -> RunListView:
        view = RunListView()
        view.setModel(self.model)
        view.setItemDelegate(ListRowDelegate(view))
        if several:
            view.setSelectionMode(QAbstractItemView.SelectionMode.ExtendedSelection)
            view.setContextMenuPolicy(Qt.ContextMenuPolicy.CustomContextMenu)
            view.customContextMenuRequested.connect(self._on_menu)
            view.selectionModel().selectionChanged.connect(self.chosen_changed)
        view.setFrameShape(QFrame.Shape.NoFrame)
        view.setUniformItemSizes(True)
        view.setVerticalScrollMode(QAbstractItemView.ScrollMode.ScrollPerPixel)
        view.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        view.setAccessibleName(title)
        view.selectionModel().currentChanged.connect(self._on_current)
        view.open_wanted.connect(self.set_open)
        view.head_wanted.connect(lambda key: self.choose_group(self.model.group_of(key)))
        return view

    def has_chosen(self) -> bool:
        """Whether the chosen run or sweep is there, filtered or not."""
        if self.group:
            return self.model.progress_of(self.group).total > 0
        return self.chosen is not None and self.chosen in self.context.room.runs

    def chosen_keys(self) -> list[RunKey]:
        """All that are chosen, in the order of the list; at least the one that is shown. The head
        of a sweep stands for those of its runs that the filter lets through."""
        keys: dict[RunKey, None] = {}
        # By ranges: an index for each of thousands of rows takes its time.
        ranges = self.view.selectionModel().selection()
        for top, bottom in sorted((one.top(), one.bottom()) for one in ranges.toList()):
            for entry in self.model.entries(top, bottom):
                if isinstance(entry, str):
                    keys.update(dict.fromkeys(self.model.members(entry)))
                else:
                    keys[entry] = None
        shown = self.group or self.chosen
        hidden = shown is not None and self.model.place_of(shown) is None
        if shown is not None and (hidden or not keys):
            # What is shown is what one means, also where a filter hides its row.
            return self._runs_of(shown)
        return list(keys)

    def shown_key(self) -> RunKey | None:
        """The run that is chosen, or the newest of the sweep that is."""
        return next(iter(self._runs_of(self.group)), None) if self.group else self.chosen

    def _runs_of(self, entry: Entry) -> list[RunKey]:
        return self.model.members(entry) if isinstance(entry, str) else [entry]

    def _on_menu(self, point: QPoint) -> None:
        if self.view.indexAt(point).isValid():
            self.menu_wanted.emit(self.view.viewport().mapToGlobal(point))

    def choose_first(self) -> None:
        """The newest run or sweep that is shown; nothing when there is none."""
        first = self.model.row_at(0)
        if isinstance(first, GroupHead):
            self.choose_group(first.name)
        elif first is not None:
            self.choose((first.machine, first.run))
        elif (self.chosen is not None or self.group) and not self.has_chosen():
            self._choose(None)

    def choose(self, key: RunKey) -> None:
        """Select a run; the filter gives way when it hides it, and its sweep opens."""
        group = self.model.group_of(key)
        if group:
            self.set_open(group, True)
        if self.model.place_of(key) is None and key in self.context.room.runs:
            self.search.set_query("")
            self.model.set_filter("")
            if group:
                self.set_open(group, True)
        self._choose(key)

    def choose_group(self, name: str) -> None:
        """Select the head of a sweep."""
        self._choose(name)

    def set_open(self, name: str, wanted: bool) -> None:
        """Open a sweep or fold it; who was in it stands on its head then."""
        if not wanted and self.chosen is not None and self.model.group_of(self.chosen) == name:
            self.choose_group(name)
        self.model.set_open(name, wanted)
        self.on_opened(name)

    def _choose(self, entry: Entry | None) -> None:
        self.group = entry if isinstance(entry, str) else ""
        self.chosen = None if isinstance(entry, str) else entry
        self._restore()
        self._tell_chosen()

    def _tell_chosen(self) -> None:
        if self.group:
            self.on_group_chosen(self.group)
        else:
            self.on_chosen(self.chosen)

    def on_group_chosen(self, name: str) -> None:
        """The head of a sweep was chosen; for those who build on this pane."""

    def on_opened(self, name: str) -> None:
        """A sweep was opened or folded."""

    def on_chosen(self, key: RunKey | None) -> None:
        """Another run was chosen; for those who build on this pane."""

    def _on_room_changed(self, change: RoomChange) -> None:
        if change.runs:
            rows = {key: self.context.row(key) for key in change.runs}
            self.model.change(
                {key: row for key, row in rows.items() if row is not None},
                [key for key, row in rows.items() if row is None],
            )
            self._show_progress()

    def _on_query(self, line: str) -> None:
        self.model.set_filter(line)
        self._show_progress()

    def _show_progress(self) -> None:
        """Of the runs of a group, where the filter names one."""
        query = run_query(self.search.query())
        if "group" not in query.terms or self.model.has_heads:
            self.progress.hide()
            return
        rows = [row for row in self.context.rows().values() if run_accepted(row, query)]
        self.progress.show_progress(group_progress(rows))

    def _on_current(self, current: QModelIndex, previous: QModelIndex) -> None:
        entry = current.data(RowRole.KEY.value) if current.isValid() else None
        if entry is None or entry == (self.group or self.chosen):
            return
        self.group = entry if isinstance(entry, str) else ""
        self.chosen = None if isinstance(entry, str) else entry
        self._tell_chosen()

    def _restore(self) -> None:
        shown = self.group or self.chosen
        place = self.model.place_of(shown) if shown is not None else None
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
