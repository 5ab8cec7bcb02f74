"""A preview of one output: picture, table or text. Only a bounded part of a file is fetched."""

from PySide6.QtCore import Signal
from PySide6.QtWidgets import QHBoxLayout, QVBoxLayout, QWidget

from lanherd_desktop.bridge import Job
from lanherd_desktop.state import numbers
from lanherd_desktop.state.output_tree import OutputNode, preview_kind
from lanherd_desktop.state.room import RunKey
from lanherd_desktop.views.context import WindowContext
from lanherd_desktop.views.theme.icons import IconName
from lanherd_desktop.views.theme.tokens import SPACE_2, SPACE_4
from lanherd_desktop.views.widgets.buttons import IconButton
from lanherd_desktop.views.widgets.csv_table import CsvPreview
from lanherd_desktop.views.widgets.empty_state import EmptyState
from lanherd_desktop.views.widgets.error_panel import ErrorPanel
from lanherd_desktop.views.widgets.image_view import ImageView
from lanherd_desktop.views.widgets.labels import ElidedLabel, Label
from lanherd_desktop.views.widgets.page_stack import StateStack
from lanherd_desktop.views.widgets.text_preview import TextPreview
from lanherd_desktop.views.words import failure_texts
from lanherd_protocol.errors import Failure

MIB = 1024 * 1024
PREVIEW_BYTES_MAX = {"image": 32 * MIB, "table": 4 * MIB, "text": 1 * MIB, "none": 0}


class OutputPreview(QWidget):
    """Shows a file, and shows it again when it changes; one fetch at a time."""

    save_wanted = Signal()
    shown = Signal(str)
    """The path of a file whose preview is on the screen."""

    def __init__(self, context: WindowContext) -> None:
        super().__init__()
        self._context = context
        self._key: RunKey | None = None
        self._path = ""
        self._attempt = 0
        self._wanted: tuple[int, float] | None = None
        self._seen: tuple[int, float] | None = None
        self._shown_data: bytes | None = None
        self._job: Job[bytes] | None = None
        self.image = ImageView()
        self.table = CsvPreview()
        self.text = TextPreview()
        self._name = ElidedLabel("", "card")
        self._facts = Label("", "muted")
        self._save = IconButton(IconName.DOWNLOAD, self.tr("Save as…"))
        self._save.clicked.connect(self.save_wanted)
        head = QHBoxLayout()
        head.setContentsMargins(SPACE_4, SPACE_2, SPACE_2, SPACE_2)
        head.addWidget(self._name, 1)
        head.addWidget(self._facts)
        head.addWidget(self._save)
        self._body = QWidget()
        body = QVBoxLayout(self._body)
        body.setContentsMargins(SPACE_4, 0, 0, 0)
        for view in (self.image, self.table, self.text):
            body.addWidget(view)
        self._stack = StateStack(self._body)
        self._none = EmptyState(
            IconName.FILE,
            self.tr("No preview"),
            self.tr("Files of this kind are not shown. Save it to look at it."),
        )
        self._too_large = EmptyState(
            IconName.FILE_IMAGE,
            self.tr("Too large for a preview"),
            self.tr("Save it to look at it in another program."),
        )
        self._nothing = EmptyState(
            IconName.EYE, self.tr("Nothing chosen"), self.tr("Choose a file to look at it.")
        )
        self._error = ErrorPanel()
        self._stack.keep(self._none, self._too_large, self._nothing, self._error)
        self._error.retried.connect(self._fetch)
        self.image.failed.connect(self._on_unreadable)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.setSpacing(0)
        layout.addLayout(head)
        layout.addWidget(self._stack, 1)
        self.clear()

    @property
    def path(self) -> str:
        """The file whose content is on the screen; empty while it is fetched."""
        return self._path if self._seen is not None else ""

    def clear(self) -> None:
        self._cancel()
        self._key, self._path = None, ""
        self._shown_data = None
        self._wanted = self._seen = None
        self._name.setText("")
        self._facts.setText("")
        self._save.setVisible(False)
        self._stack.show_empty(self._nothing)

    def show_file(self, key: RunKey, node: OutputNode, attempt: int = 0) -> None:
        """Show another file of an attempt (0: the latest)."""
        self._cancel()
        self._key, self._path, self._attempt = key, node.path, attempt
        self._shown_data = None
        self._seen = None
        self._save.setVisible(True)
        self._name.setText(node.path)
        self._stack.show_loading("text")
        self._want(node)

    def refresh(self, key: RunKey, node: OutputNode, attempt: int = 0) -> None:
        """The listing came again: fetch the file when it changed."""
        if (node.path, key, attempt) == (self._path, self._key, self._attempt):
            self._want(node)

    def _want(self, node: OutputNode) -> None:
        self._facts.setText(numbers.size(node.size_bytes))
        self._wanted = (node.size_bytes, node.modified_at)
        if self._job is None and self._wanted != self._seen:
            self._fetch()

    def _cancel(self) -> None:
        if self._job is not None:
            self._job.cancel()
            self._job = None

    def _fetch(self) -> None:
        key, path, wanted, attempt = self._key, self._path, self._wanted, self._attempt
        if key is None or wanted is None:
            return
        kind = preview_kind(path)
        bytes_max = PREVIEW_BYTES_MAX[kind]
        if kind == "none" or (kind == "image" and wanted[0] > bytes_max):
            self._seen = wanted
            self._stack.show_empty(self._too_large if kind == "image" else self._none)
            return
        self._job = self._context.ask(
            lambda fleet, job: fleet.run_at(*key).read_output(path, 0, bytes_max, attempt=attempt),
            lambda data: self._on_bytes(data, wanted),
            self._on_failed,
        )

    def _on_bytes(self, data: bytes, wanted: tuple[int, float]) -> None:
        self._job = None
        self._seen = wanted
        # Touched without a change: what is on the screen is right, and needn't be read again.
        if data != self._shown_data:
            self.show_bytes(data)
        if self._wanted != self._seen:
            self._fetch()

    def show_bytes(self, data: bytes) -> None:
        """Show the content of the file that is chosen."""
        self._shown_data = data
        kind = preview_kind(self._path)
        complete = len(data) < PREVIEW_BYTES_MAX[kind]
        for view, own in ((self.image, "image"), (self.table, "table"), (self.text, "text")):
            view.setVisible(own == kind)
        self._stack.show_content()
        if kind == "image":
            self.image.set_bytes(data)
        elif kind == "table":
            self.table.set_bytes(data, complete)
        else:
            self.text.set_bytes(data, complete)
        self.shown.emit(self._path)

    def _on_failed(self, failure: Failure) -> None:
        self._job = None
        self._shown_data = None
        title, reason, remedy = failure_texts(failure)
        self._error.set_error(title, reason, remedy, str(failure), self.tr("Try again"))
        self._stack.show_error(self._error)

    def _on_unreadable(self, why: str) -> None:
        self._error.set_error(
            self.tr("This picture can't be shown."),
            why,
            self.tr("Save it to look at it in another program."),
        )
        self._stack.show_error(self._error)
