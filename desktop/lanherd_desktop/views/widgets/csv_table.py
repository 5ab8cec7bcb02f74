"""A CSV file's beginning: its numbers drawn, its rows below."""

from PySide6.QtCore import (
    QAbstractTableModel,
    QModelIndex,
    QObject,
    QPersistentModelIndex,
    Qt,
)
from PySide6.QtWidgets import QAbstractItemView, QSplitter, QTableView, QVBoxLayout, QWidget

from lanherd_desktop.state import numbers
from lanherd_desktop.state.csv_preview import CsvTable, parse_csv
from lanherd_desktop.views.theme import tokens
from lanherd_desktop.views.theme.fonts import mono_font
from lanherd_desktop.views.widgets.labels import Label
from lanherd_desktop.views.widgets.line_plot import LinePlot, Series

_Index = QModelIndex | QPersistentModelIndex
_NO_PARENT = QModelIndex()
_ROW_HEIGHT = 26
_X_NAMES = ("step", "steps", "epoch", "iteration", "iter", "time", "seconds", "x", "t")


class CsvModel(QAbstractTableModel):
    """A parsed table, read-only."""

    def __init__(self, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._table = CsvTable((), (), cut=False)
        self._numeric: frozenset[int] = frozenset()

    def set_table(self, table: CsvTable) -> None:
        self.beginResetModel()
        self._table = table
        self._numeric = frozenset(table.numeric_columns())
        self.endResetModel()

    def rowCount(self, parent: _Index = _NO_PARENT) -> int:
        return 0 if parent.isValid() else len(self._table.rows)

    def columnCount(self, parent: _Index = _NO_PARENT) -> int:
        return 0 if parent.isValid() else len(self._table.header)

    def data(self, index: _Index, role: int = Qt.ItemDataRole.DisplayRole) -> object:
        if not index.isValid():
            return None
        if role == Qt.ItemDataRole.DisplayRole:
            return self._table.rows[index.row()][index.column()]
        if role == Qt.ItemDataRole.TextAlignmentRole:
            side = Qt.AlignmentFlag.AlignLeft
            if index.column() in self._numeric:
                side = Qt.AlignmentFlag.AlignRight
            return side | Qt.AlignmentFlag.AlignVCenter
        return None

    def headerData(
        self, section: int, orientation: Qt.Orientation, role: int = Qt.ItemDataRole.DisplayRole
    ) -> object:
        if role == Qt.ItemDataRole.TextAlignmentRole:
            right = orientation is Qt.Orientation.Vertical or section in self._numeric
            side = Qt.AlignmentFlag.AlignRight if right else Qt.AlignmentFlag.AlignLeft
            return side | Qt.AlignmentFlag.AlignVCenter
        if role != Qt.ItemDataRole.DisplayRole:
            return None
        if orientation is Qt.Orientation.Horizontal:
            return self._table.header[section] if section < len(self._table.header) else None
        return str(section + 1)


class CsvPreview(QWidget):
    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._model = CsvModel(self)
        self._plot = LinePlot()
        self._view = QTableView()
        self._note = Label("", "small")
        self._build()

    def _build(self) -> None:
        self._view.setModel(self._model)
        self._view.setFont(mono_font())
        self._view.setShowGrid(False)
        self._view.setAlternatingRowColors(True)
        self._view.setSelectionMode(QAbstractItemView.SelectionMode.ContiguousSelection)
        self._view.setHorizontalScrollMode(QAbstractItemView.ScrollMode.ScrollPerPixel)
        self._view.verticalHeader().setDefaultSectionSize(_ROW_HEIGHT)
        self._view.horizontalHeader().setDefaultSectionSize(120)
        self._view.horizontalHeader().setHighlightSections(False)
        self._view.horizontalHeader().setStretchLastSection(True)
        self._view.setAccessibleName(self.tr("Table"))
        self._view.setProperty("frame", "card")
        split = QSplitter(Qt.Orientation.Vertical)
        split.setChildrenCollapsible(False)
        split.setHandleWidth(tokens.SPACE_2)
        split.setProperty("kind", "gap")
        split.addWidget(self._plot)
        split.addWidget(self._view)
        split.setStretchFactor(0, 2)
        split.setStretchFactor(1, 3)
        whole = QVBoxLayout(self)
        whole.setContentsMargins(0, 0, 0, 0)
        whole.setSpacing(tokens.SPACE_1)
        whole.addWidget(split, 1)
        whole.addWidget(self._note)

    def model(self) -> CsvModel:
        return self._model

    def note(self) -> str:
        return self._note.text()

    def set_bytes(self, data: bytes, complete: bool = True) -> None:
        """The file's beginning; `complete` says that it is all of it."""
        table = parse_csv(data, complete)
        self._model.set_table(table)
        self._show_plot(table)
        rows = numbers.count(len(table.rows))
        if not table.rows:
            note = self.tr("This table has no rows.")
        elif table.cut:
            note = self.tr("The first {0} rows. Fetch the file to have all of it.").format(rows)
        else:
            note = self.tr("{0} rows, {1} columns").format(rows, len(table.header))
        self._note.set_text(note)

    def _show_plot(self, table: CsvTable) -> None:
        columns = list(table.numeric_columns())
        x_column = next((c for c in columns if table.header[c].strip().lower() in _X_NAMES), None)
        x: tuple[float, ...] = ()
        if x_column is not None:
            known = [v for v in table.numbers(x_column) if v is not None]
            if len(known) == len(table.rows):
                x = tuple(known)
                columns.remove(x_column)
        series = [Series(table.header[c], table.numbers(c)) for c in columns]
        self._plot.set_series(series, x, table.header[x_column] if x_column is not None else "")
        self._plot.setVisible(bool(series) and len(table.rows) > 1)
