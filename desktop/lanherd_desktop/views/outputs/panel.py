"""A run's outputs: the tree, live, and a preview of the chosen file."""

from pathlib import Path, PurePosixPath

from PySide6.QtCore import QItemSelectionModel, QModelIndex, Qt, Signal
from PySide6.QtGui import QResizeEvent
from PySide6.QtWidgets import (
    QFileDialog,
    QFrame,
    QHeaderView,
    QSplitter,
    QTreeView,
    QVBoxLayout,
    QWidget,
)

from lanherd_desktop.models.output_tree import CHANGED, NAME, SIZE, OutputTreeModel
from lanherd_desktop.state import numbers
from lanherd_desktop.state.output_tree import preview_kind
from lanherd_desktop.state.room import RunKey
from lanherd_desktop.streams import OutputsStream
from lanherd_desktop.views.context import WindowContext
from lanherd_desktop.views.outputs.preview import OutputPreview
from lanherd_desktop.views.theme.icons import IconName
from lanherd_desktop.views.theme.tokens import SPACE_2
from lanherd_desktop.views.widgets.empty_state import EmptyState
from lanherd_desktop.views.widgets.error_panel import ErrorPanel
from lanherd_desktop.views.widgets.labels import Label
from lanherd_desktop.views.widgets.page_stack import StateStack
from lanherd_desktop.views.words import failure_texts, moment, sentences
from lanherd_protocol.errors import Failure
from lanherd_protocol.messages import OutputsChanged

TREE_WIDTH, TREE_WIDTH_NARROW = 330, 220
NARROW = 640


class OutputsPanel(QWidget):
    """Watches one run while it is shown."""

    count_changed = Signal(int)
    """How many files there are."""
    chosen_changed = Signal()

    def __init__(self, context: WindowContext) -> None:
        super().__init__()
        self._context = context
        self._key: RunKey | None = None
        self._attempt = 0
        self._stream: OutputsStream | None = None
        self._selected = ""
        self.model = OutputTreeModel(numbers.size, moment, self._header, self)
        self.tree = QTreeView()
        self.tree.setModel(self.model)
        self.tree.setFrameShape(QFrame.Shape.NoFrame)
        self.tree.setUniformRowHeights(True)
        self.tree.setAccessibleName(self.tr("Outputs"))
        self.tree.header().setStretchLastSection(False)
        self.tree.header().setSectionResizeMode(NAME, QHeaderView.ResizeMode.Stretch)
        for column, width in ((SIZE, 84), (CHANGED, 84)):
            self.tree.header().setSectionResizeMode(column, QHeaderView.ResizeMode.Fixed)
            self.tree.header().resizeSection(column, width)
        self.preview = OutputPreview(context)
        self.preview.save_wanted.connect(self.save)
        split = QSplitter(Qt.Orientation.Horizontal)
        split.setChildrenCollapsible(False)
        split.setHandleWidth(1)
        split.addWidget(self.tree)
        split.addWidget(self.preview)
        split.setStretchFactor(1, 1)
        split.setSizes([TREE_WIDTH, 10_000])
        self._split = split
        self._stack = StateStack(split)
        self._empty = EmptyState(
            IconName.FILES,
            self.tr("No outputs yet"),
            self.tr("What the run writes into the folder $LANHERD_OUTPUTS appears here at once."),
        )
        self._removed = EmptyState(
            IconName.TRASH,
            self.tr("Its files were removed"),
            self.tr("By hand, or by the machine's rules for old runs. A pinned run keeps its own."),
        )
        self._error = ErrorPanel()
        self._stack.keep(self._empty, self._removed, self._error)
        self._error.retried.connect(self._open)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.setSpacing(SPACE_2)
        layout.addWidget(self._stack, 1)
        self.unlisted = Label("", "secondary", wrap=True, selectable=True)
        self.unlisted.hide()
        layout.addWidget(self.unlisted)
        self.tree.selectionModel().currentChanged.connect(self._on_current)
        self.model.modelReset.connect(self._on_reset)

    def resizeEvent(self, event: QResizeEvent) -> None:
        """Where there is little room, the names have it rather than the times."""
        super().resizeEvent(event)
        narrow = self.width() < NARROW
        if narrow != self.tree.isColumnHidden(CHANGED):
            self.tree.setColumnHidden(CHANGED, narrow)
            self._split.setSizes([TREE_WIDTH_NARROW if narrow else TREE_WIDTH, 10_000])

    @property
    def selected(self) -> str:
        """The path of the chosen file; empty while none is."""
        return self._selected

    def show_run(self, key: RunKey | None, attempt: int = 0) -> None:
        """Watch another run, or look at what an earlier attempt of it left (0: the latest)."""
        self._close()
        self._key = key
        self._attempt = attempt
        self._choose("")
        self.model.set_entries(())
        self._show_unlisted(0, False)
        self.preview.clear()
        self._open()

    def select(self, path: str) -> bool:
        """Choose a file by its path; False when it isn't there."""
        index = self.model.index_of(path)
        if index.isValid():
            self.tree.selectionModel().setCurrentIndex(
                index,
                QItemSelectionModel.SelectionFlag.ClearAndSelect
                | QItemSelectionModel.SelectionFlag.Rows,
            )
        return index.isValid()

    def save(self) -> None:
        """Ask for a place and download the chosen file there."""
        if not self._selected:
            return
        name = PurePosixPath(self._selected).name
        chosen, _ = QFileDialog.getSaveFileName(self, self.tr("Save the output as"), name)
        if chosen:
            self.save_to(Path(chosen))

    def save_to(self, target: Path) -> None:
        """Download the chosen file to a path."""
        key, path, attempt = self._key, self._selected, self._attempt
        if key is None or not path:
            return
        self._context.ask(
            lambda fleet, job: fleet.run_at(*key).fetch(
                path, target, attempt=attempt, overwrite=True
            ),
            lambda saved: self._context.toast_wanted.emit(
                self.tr("Saved {name}.").format(name=saved.name), "ok"
            ),
        )

    def _header(self, section: int) -> str:
        return (self.tr("Name"), self.tr("Size"), self.tr("Changed"))[section]

    def _close(self) -> None:
        if self._stream is not None:
            self._stream.close()
            self._stream = None

    def _open(self) -> None:
        self._close()
        if self._key is None:
            return
        view = self._context.room.runs.get(self._key)
        if view is not None and view.files_removed_at is not None:
            self._stack.show_empty(self._removed)
            return
        self._stack.show_loading("rows")
        self._stream = self._context.bridge.watch_outputs(
            OutputsStream(
                *self._key,
                on_listing=self.show_listing,
                on_end=self._on_end,
                attempt=self._attempt,
            )
        )

    def show_listing(self, listing: OutputsChanged) -> None:
        """The listing as it is now."""
        self.model.set_entries(listing.entries)
        count = len(self.model.file_paths())
        self.count_changed.emit(count)
        self._show_unlisted(listing.unlisted, listing.truncated)
        if count == 0:
            self._stack.show_empty(self._empty)
            return
        self._stack.show_content()
        node = self.model.node(self.model.index_of(self._selected))
        if node is not None and self._key is not None:
            self.preview.refresh(self._key, node, self._attempt)
        elif not self._selected:
            self._select_first()

    def _show_unlisted(self, count: int, truncated: bool) -> None:
        """What has no place in the tree is said below it: else it would be missed for good."""
        if count == 1:
            text = self.tr(
                "1 entry is not shown: it is no plain file, its name can't be written, or it can't "
                "be read."
            )
        else:
            text = self.tr(
                "{count} entries are not shown: they are no plain files, their names can't be "
                "written, or they can't be read."
            ).format(count=numbers.count(count))
        more = self.tr("There are more outputs than a listing holds.") if truncated else ""
        self.unlisted.set_text(sentences(text if count else "", more))
        self.unlisted.setVisible(bool(self.unlisted.text()))

    def _select_first(self) -> None:
        """Begin with a picture when there is one."""
        paths = self.model.file_paths()
        images = [path for path in paths if preview_kind(path) == "image"]
        self.select((images or paths)[0])

    def _on_end(self, failure: Failure | None) -> None:
        if failure is not None:
            title, reason, remedy = failure_texts(failure)
            self._error.set_error(title, reason, remedy, str(failure), self.tr("Try again"))
            self._stack.show_error(self._error)
        elif not self.model.file_paths():
            self._stack.show_empty(self._empty)

    def _choose(self, path: str) -> None:
        self._selected = path
        self.chosen_changed.emit()

    def _on_reset(self) -> None:
        self.tree.expandToDepth(1)
        if self._selected:
            self.select(self._selected)

    def _on_current(self, current: QModelIndex, previous: QModelIndex) -> None:
        node = self.model.node(current)
        if node is None or node.is_directory or self._key is None:
            return
        self._choose(node.path)
        self.preview.show_file(self._key, node, self._attempt)
