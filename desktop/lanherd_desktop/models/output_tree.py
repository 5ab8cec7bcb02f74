"""A run's outputs as a tree: name, size, time of the last change."""

from collections.abc import Callable, Sequence
from typing import Any, overload

from PySide6.QtCore import (
    QAbstractItemModel,
    QModelIndex,
    QObject,
    QPersistentModelIndex,
    Qt,
)

from lanherd_desktop.models.roles import RowRole
from lanherd_desktop.state.output_tree import OutputNode, build_tree, files
from lanherd_protocol.values import OutputEntry

Index = QModelIndex | QPersistentModelIndex
NO_PARENT = QModelIndex()
COLUMNS = 3
NAME, SIZE, CHANGED = range(COLUMNS)


class OutputTreeModel(QAbstractItemModel):
    """Laid anew when paths come or go; sizes and times change in place."""

    def __init__(
        self,
        size_text: Callable[[int], str],
        time_text: Callable[[float], str],
        header_text: Callable[[int], str],
        parent: QObject | None = None,
    ) -> None:
        super().__init__(parent)
        self._size_text = size_text
        self._time_text = time_text
        self._header_text = header_text
        self._root = build_tree(())
        self._paths: tuple[tuple[str, str], ...] = ()

    def set_entries(self, entries: Sequence[OutputEntry]) -> None:
        """The whole listing as it is now."""
        paths = tuple(sorted((entry.path, entry.kind) for entry in entries))
        fresh = build_tree(entries)
        if paths != self._paths:
            self.beginResetModel()
            self._root, self._paths = fresh, paths
            self.endResetModel()
            return
        self._take_over(self._root, fresh, QModelIndex())

    def _take_over(self, known: OutputNode, fresh: OutputNode, parent: QModelIndex) -> None:
        """Copy sizes and times of the same tree, telling of each folder's children at once."""
        for row, (old, new) in enumerate(zip(known.children, fresh.children, strict=True)):
            old.size_bytes, old.modified_at = new.size_bytes, new.modified_at
            if old.children:
                self._take_over(old, new, self.index(row, NAME, parent))
        if known.children:
            last = len(known.children) - 1
            self.dataChanged.emit(
                self.index(0, NAME, parent), self.index(last, COLUMNS - 1, parent)
            )

    def node(self, index: Index) -> OutputNode | None:
        """The node behind an index; None for the root."""
        found = index.internalPointer() if index.isValid() else None
        return found if isinstance(found, OutputNode) else None

    def index_of(self, path: str) -> QModelIndex:
        """The index of a file by its path; invalid when it isn't there."""
        for node in files(self._root):
            if node.path == path:
                return self.createIndex(node.row, NAME, node)
        return QModelIndex()

    def file_paths(self) -> list[str]:
        return [node.path for node in files(self._root)]

    # --- QAbstractItemModel ----------------------------------------------------------------------

    def index(self, row: int, column: int, parent: Index = NO_PARENT) -> QModelIndex:
        folder = self.node(parent) or self._root
        if parent.isValid() and parent.column() != NAME:
            return QModelIndex()
        if not (0 <= row < len(folder.children) and 0 <= column < COLUMNS):
            return QModelIndex()
        return self.createIndex(row, column, folder.children[row])

    @overload
    def parent(self) -> QObject | None: ...
    @overload
    def parent(self, index: Index) -> QModelIndex: ...
    def parent(self, index: Index | None = None) -> QObject | QModelIndex | None:
        if index is None:
            return super().parent()
        node = self.node(index)
        if node is None or node.parent is None or node.parent is self._root:
            return QModelIndex()
        return self.createIndex(node.parent.row, NAME, node.parent)

    def rowCount(self, parent: Index = NO_PARENT) -> int:
        if parent.isValid() and parent.column() != NAME:
            return 0
        return len((self.node(parent) or self._root).children)

    def columnCount(self, parent: Index = NO_PARENT) -> int:
        return COLUMNS

    def data(self, index: Index, role: int = Qt.ItemDataRole.DisplayRole) -> Any:
        node = self.node(index)
        if node is None:
            return None
        match role:
            case Qt.ItemDataRole.DisplayRole:
                return self._text(node, index.column())
            case RowRole.KEY:
                return node.path
            case Qt.ItemDataRole.TextAlignmentRole if index.column() == SIZE:
                return int(Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter)
            case _:
                return None

    def _text(self, node: OutputNode, column: int) -> str:
        if column == NAME:
            return node.name
        if column == SIZE:
            return self._size_text(node.size_bytes)
        return self._time_text(node.modified_at) if node.modified_at else ""

    def headerData(
        self, section: int, orientation: Qt.Orientation, role: int = Qt.ItemDataRole.DisplayRole
    ) -> Any:
        if orientation != Qt.Orientation.Horizontal:
            return None
        if role == Qt.ItemDataRole.DisplayRole:
            return self._header_text(section)
        if role == Qt.ItemDataRole.TextAlignmentRole:
            side = Qt.AlignmentFlag.AlignRight if section == SIZE else Qt.AlignmentFlag.AlignLeft
            return int(side | Qt.AlignmentFlag.AlignVCenter)
        return None
