"""When runs may start: rows of days, from and to, and a button for one more."""

from PySide6.QtCore import QCoreApplication, QSignalBlocker, Signal
from PySide6.QtWidgets import (
    QHBoxLayout,
    QLineEdit,
    QPushButton,
    QWidget,
)

from lanherd_desktop.state.hours_form import (
    NEW_ROW,
    HoursRow,
    changed_row,
    ends_next_day,
    row_problem,
    rows_of,
    said_of_rows,
)
from lanherd_desktop.views.theme.tokens import SPACE_1, SPACE_3
from lanherd_desktop.views.widgets.field_rows import FieldRow, FieldRows
from lanherd_desktop.views.widgets.flow_layout import FlowLayout
from lanherd_desktop.views.widgets.labels import Label

_TIME_WIDTH = 64


def _day_texts() -> tuple[tuple[str, str], ...]:
    """Of each day a short word and its whole one."""
    return (
        (QCoreApplication.translate("HoursField", "Mo"),
         QCoreApplication.translate("HoursField", "Monday")),
        (QCoreApplication.translate("HoursField", "Tu"),
         QCoreApplication.translate("HoursField", "Tuesday")),
        (QCoreApplication.translate("HoursField", "We"),
         QCoreApplication.translate("HoursField", "Wednesday")),
        (QCoreApplication.translate("HoursField", "Th"),
         QCoreApplication.translate("HoursField", "Thursday")),
        (QCoreApplication.translate("HoursField", "Fr"),
         QCoreApplication.translate("HoursField", "Friday")),
        (QCoreApplication.translate("HoursField", "Sa"),
         QCoreApplication.translate("HoursField", "Saturday")),
        (QCoreApplication.translate("HoursField", "Su"),
         QCoreApplication.translate("HoursField", "Sunday")),
    )  # fmt: skip


class HoursRowView(FieldRow):
    """One span. Its days are buttons, since any of them may be chosen together."""

    def __init__(self, row: HoursRow) -> None:
        super().__init__()
        self.row = row
        self.days: list[QPushButton] = []
        self.begin = self._time(self.tr("Runs may start from"))
        self.end = self._time(self.tr("Runs may start until"))
        self.next_day = Label(self.tr("next day"), "small")
        self.words = Label("", "mono", wrap=True)
        self.problem = Label("", "danger", wrap=True)
        self._spans = QWidget()
        flow = FlowLayout(self._spans, gap_x=SPACE_3)
        flow.addWidget(self._day_buttons())
        flow.addWidget(self._times())
        spans, words = (self._spans, 1), (self.words, 1)
        self.lay(self.tr("Remove these hours"), spans, words, below=(self.problem,))
        self.setFocusProxy(self.begin)
        self.show_row(row)

    def _time(self, name: str) -> QLineEdit:
        line = QLineEdit()
        line.setFixedWidth(_TIME_WIDTH)
        line.setPlaceholderText("18:00")
        line.setAccessibleName(name)
        line.editingFinished.connect(self._on_edited)
        return line

    def _day_buttons(self) -> QWidget:
        box = QWidget()
        row = QHBoxLayout(box)
        row.setContentsMargins(0, 0, 0, 0)
        row.setSpacing(2)
        for short, whole in _day_texts():
            button = QPushButton(short)
            button.setProperty("kind", "day")
            button.setCheckable(True)
            button.setToolTip(whole)
            button.setAccessibleName(whole)
            button.clicked.connect(self._on_edited)
            self.days.append(button)
            row.addWidget(button)
        return box

    def _times(self) -> QWidget:
        box = QWidget()
        row = QHBoxLayout(box)
        row.setContentsMargins(0, 0, 0, 0)
        row.setSpacing(SPACE_1)
        row.addWidget(self.begin)
        row.addWidget(Label("–", "muted"))
        row.addWidget(self.end)
        row.addWidget(self.next_day)
        return box

    def show_row(self, row: HoursRow) -> None:
        """What the text says now, and what is wrong with it."""
        self.row = row
        self._spans.setVisible(row.readable)
        self.words.setVisible(not row.readable)
        self.words.set_text("" if row.readable else row.said)
        for day, button in enumerate(self.days):
            button.setChecked(day in row.days)
        for line, said in ((self.begin, row.begin), (self.end, row.end)):
            if line.text() != said:
                with QSignalBlocker(line):
                    line.setText(said)
        # In its place also while it isn't there: nothing jumps.
        self.next_day.setText(self.tr("next day") if ends_next_day(row) else "")
        self._show_problem()

    def _show_problem(self) -> None:
        why = row_problem(self.row) if self.row.readable else "words"
        texts = {
            "time": self.tr("Write times from 00:00 to 24:00, such as 18:00."),
            "begins_at_end": self.tr("24:00 ends a day. Begin at 00:00 of the next one."),
            "nothing": self.tr("This is no time at all. Write 00:00 – 24:00 for a whole day."),
            "words": self.tr("This can't be read. Remove it, or mend it in the text."),
        }
        self.problem.set_text(texts[why] if why is not None else "")
        self.problem.setVisible(why is not None)
        for line in (self.begin, self.end):
            line.setProperty("invalid", why is not None)
            line.style().unpolish(line)
            line.style().polish(line)

    def _on_edited(self) -> None:
        chosen = [day for day, button in enumerate(self.days) if button.isChecked()]
        # The last day stays: hours on no day can't be said.
        days = chosen or self.row.days
        row = changed_row(self.row, days, self.begin.text(), self.end.text())
        changed = row != self.row
        self.show_row(row)
        if changed:
            self.edited.emit()


class HoursField(FieldRows[HoursRowView]):
    said = Signal(str)
    """What the rule says from now on."""

    def __init__(self) -> None:
        super().__init__(lambda: HoursRowView(NEW_ROW))
        self.always = Label(self.tr("At any time."), "secondary", wrap=True)
        self.put_above(self.always)
        self.add_button.setText(self.tr("Add hours"))
        self.edited.connect(self._on_edited)

    def show_text(self, text: str) -> None:
        """What a text says that is TOML. Rows stay where they are, so that the focus does too."""
        values = rows_of(text)
        self.always.setVisible(not values)
        if values == self._values():
            return
        self.keep(len(values))
        for value, row in zip(values, self.rows, strict=False):
            row.show_row(value)
        for value in values[len(self.rows) :]:
            self.add(HoursRowView(value))

    @property
    def tells_problem(self) -> bool:
        """Whether a row says already what is wrong with it."""
        return any(not row.problem.isHidden() for row in self.rows)

    def _values(self) -> tuple[HoursRow, ...]:
        return tuple(row.row for row in self.rows)

    def _on_edited(self) -> None:
        self.said.emit(said_of_rows(self._values()))
