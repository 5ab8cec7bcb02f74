"""A page of what is in the room: not known yet, nothing there, failed, or its content."""

from PySide6.QtWidgets import QWidget

from lanherd_desktop.views.context import WindowContext
from lanherd_desktop.views.widgets.empty_state import EmptyState
from lanherd_desktop.views.widgets.error_panel import ErrorPanel
from lanherd_desktop.views.widgets.page_stack import StateStack
from lanherd_desktop.views.widgets.skeleton import Shape
from lanherd_desktop.views.words import failure_texts


class RoomStack(StateStack):
    """`show_room` is called whenever the room changed."""

    def __init__(
        self, context: WindowContext, content: QWidget, empty: EmptyState, shape: Shape
    ) -> None:
        super().__init__(content)
        self._context = context
        self._empty = empty
        self._shape: Shape = shape
        self._failed = ErrorPanel()
        self.keep(empty, self._failed)
        self._has_content = False
        self._known = True
        context.room_failed.connect(self._show)

    def show_room(self, has_content: bool, known: bool = True) -> None:
        """Not `known`: what there is has still to answer for the first time."""
        self._has_content = has_content
        self._known = known
        self._show()

    def _show(self) -> None:
        failure = self._context.failure
        if failure is not None:
            title, reason, remedy = failure_texts(failure)
            self._failed.set_error(title, reason, remedy, f"{failure.code}: {title} {reason}")
            self.show_error(self._failed)
        elif not self._context.room.heard or not self._known:
            self.show_loading(self._shape)
        elif self._has_content:
            self.show_content()
        else:
            self.show_empty(self._empty)
