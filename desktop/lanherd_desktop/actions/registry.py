"""Every action of the window as data: menus, palette, shortcuts and a test are fed from here.

A text is a source string of the context `actions`; the window translates it. A shortcut is Qt's
portable form, or empty.
"""

from dataclasses import dataclass
from enum import StrEnum
from typing import Literal

from PySide6.QtCore import QCoreApplication

from lanherd_desktop.state.marking import QT_TRANSLATE_NOOP

Menu = Literal["go", "run", "output", "machine", "project", "view", "app"]


class ActionId(StrEnum):
    GO_MACHINES = "go.machines"
    GO_PROJECTS = "go.projects"
    GO_RUNS = "go.runs"
    GO_OUTPUTS = "go.outputs"
    GO_SETTINGS = "go.settings"
    RUN_NEW = "run.new"
    RUN_AGAIN = "run.again"
    RUN_STOP = "run.stop"
    RUN_STOP_NOW = "run.stop_now"
    RUN_HOLD = "run.hold"
    RUN_RELEASE = "run.release"
    RUN_RESTART = "run.restart"
    RUN_RAISE = "run.raise"
    RUN_LOWER = "run.lower"
    RUN_MOVE_UP = "run.move_up"
    RUN_MOVE_DOWN = "run.move_down"
    RUN_EDIT = "run.edit"
    RUN_PIN = "run.pin"
    RUN_UNPIN = "run.unpin"
    RUN_REMOVE_FILES = "run.remove_files"
    RUN_SAVE_LOG = "run.save_log"
    RUN_COPY_ID = "run.copy_id"
    RUN_UNDO = "run.undo"
    RUN_LOG = "run.log"
    RUN_OUTPUTS = "run.outputs"
    OUTPUT_SAVE = "output.save"
    MACHINE_RECONNECT = "machine.reconnect"
    MACHINE_PAUSE = "machine.pause"
    MACHINE_RESUME = "machine.resume"
    PROJECT_ADD = "project.add"
    PROJECT_REMOVE = "project.remove"
    VIEW_FIND = "view.find"
    VIEW_SEARCH_ALL = "view.search_all"
    VIEW_FILTER = "view.filter"
    VIEW_FOLLOW = "view.follow"
    VIEW_FOLD = "view.fold"
    VIEW_THEME = "view.theme"
    VIEW_LANGUAGE = "view.language"
    APP_PALETTE = "app.palette"
    APP_QUIT = "app.quit"


@dataclass(frozen=True, slots=True)
class Action:
    """`text` is English and the key of its translation. The shortcut of one `in_list` holds while
    the list of runs has the focus: elsewhere its keys mean something else."""

    id: ActionId
    menu: Menu
    text: str
    shortcut: str = ""
    in_list: bool = False


_CONTEXT = "actions"

RUN_MENU: tuple[tuple[ActionId, ...], ...] = (
    (ActionId.RUN_STOP, ActionId.RUN_STOP_NOW, ActionId.RUN_HOLD, ActionId.RUN_RELEASE),
    (ActionId.RUN_AGAIN, ActionId.RUN_RESTART),
    (ActionId.RUN_MOVE_UP, ActionId.RUN_MOVE_DOWN, ActionId.RUN_RAISE, ActionId.RUN_LOWER),
    (ActionId.RUN_EDIT,),
    (ActionId.RUN_PIN, ActionId.RUN_UNPIN, ActionId.RUN_SAVE_LOG, ActionId.RUN_REMOVE_FILES),
    (ActionId.RUN_COPY_ID,),
)
"""The menu of a run, in groups: only what makes sense of it is shown, and what `WITH_REASON` says
why it doesn't."""
WITH_REASON = (ActionId.RUN_MOVE_UP, ActionId.RUN_MOVE_DOWN)

ACTIONS: tuple[Action, ...] = (
    Action(ActionId.GO_MACHINES, "go", QT_TRANSLATE_NOOP("actions", "Show machines"), "Ctrl+1"),
    Action(ActionId.GO_PROJECTS, "go", QT_TRANSLATE_NOOP("actions", "Show projects"), "Ctrl+2"),
    Action(ActionId.GO_RUNS, "go", QT_TRANSLATE_NOOP("actions", "Show runs"), "Ctrl+3"),
    Action(ActionId.GO_OUTPUTS, "go", QT_TRANSLATE_NOOP("actions", "Show outputs"), "Ctrl+4"),
    Action(ActionId.GO_SETTINGS, "go", QT_TRANSLATE_NOOP("actions", "Show settings"), "Ctrl+,"),
    Action(ActionId.RUN_NEW, "run", QT_TRANSLATE_NOOP("actions", "New run…"), "Ctrl+N"),
    Action(ActionId.RUN_AGAIN, "run", QT_TRANSLATE_NOOP("actions", "Run again…"), "Ctrl+Shift+R"),
    Action(ActionId.RUN_STOP, "run", QT_TRANSLATE_NOOP("actions", "Stop the run"), "Ctrl+."),
    Action(
        ActionId.RUN_STOP_NOW,
        "run",
        QT_TRANSLATE_NOOP("actions", "Stop at once, without its cleanup…"),
        "Ctrl+Shift+.",
    ),
    Action(ActionId.RUN_HOLD, "run", QT_TRANSLATE_NOOP("actions", "Hold back"), "Ctrl+H"),
    Action(ActionId.RUN_RELEASE, "run", QT_TRANSLATE_NOOP("actions", "Release"), "Ctrl+Shift+H"),
    Action(
        ActionId.RUN_RESTART,
        "run",
        QT_TRANSLATE_NOOP("actions", "Restart as a new run"),
        "Ctrl+R",
    ),
    Action(
        ActionId.RUN_RAISE, "run", QT_TRANSLATE_NOOP("actions", "Raise the priority"), "Ctrl+Up"
    ),
    Action(
        ActionId.RUN_LOWER, "run", QT_TRANSLATE_NOOP("actions", "Lower the priority"), "Ctrl+Down"
    ),
    Action(
        ActionId.RUN_MOVE_UP,
        "run",
        QT_TRANSLATE_NOOP("actions", "Move ahead in the line"),
        "Alt+Up",
        in_list=True,
    ),
    Action(
        ActionId.RUN_MOVE_DOWN,
        "run",
        QT_TRANSLATE_NOOP("actions", "Move back in the line"),
        "Alt+Down",
        in_list=True,
    ),
    Action(ActionId.RUN_EDIT, "run", QT_TRANSLATE_NOOP("actions", "Edit tags and notes"), "Ctrl+E"),
    Action(ActionId.RUN_PIN, "run", QT_TRANSLATE_NOOP("actions", "Pin: keep its files"), "Ctrl+P"),
    Action(ActionId.RUN_UNPIN, "run", QT_TRANSLATE_NOOP("actions", "Unpin"), "Ctrl+Shift+P"),
    Action(
        ActionId.RUN_REMOVE_FILES,
        "run",
        QT_TRANSLATE_NOOP("actions", "Remove its files…"),
        "Ctrl+Del",
    ),
    Action(
        ActionId.RUN_SAVE_LOG,
        "run",
        QT_TRANSLATE_NOOP("actions", "Save the log…"),
        "Ctrl+Shift+S",
    ),
    Action(
        ActionId.RUN_COPY_ID,
        "run",
        QT_TRANSLATE_NOOP("actions", "Copy the run's id"),
        "Ctrl+Shift+C",
    ),
    Action(
        ActionId.RUN_UNDO, "run", QT_TRANSLATE_NOOP("actions", "Undo the last change"), "Ctrl+Z"
    ),
    Action(ActionId.RUN_LOG, "run", QT_TRANSLATE_NOOP("actions", "Show the run's log"), "Ctrl+L"),
    Action(
        ActionId.RUN_OUTPUTS,
        "run",
        QT_TRANSLATE_NOOP("actions", "Show the run's outputs"),
        "Ctrl+Shift+O",
    ),
    Action(
        ActionId.OUTPUT_SAVE,
        "output",
        QT_TRANSLATE_NOOP("actions", "Save the output as…"),
        "Ctrl+S",
    ),
    Action(
        ActionId.MACHINE_RECONNECT,
        "machine",
        QT_TRANSLATE_NOOP("actions", "Connect to machines again"),
        "F5",
    ),
    Action(
        ActionId.MACHINE_PAUSE,
        "machine",
        QT_TRANSLATE_NOOP("actions", "Pause a machine's line, or a tag in it…"),
    ),
    Action(
        ActionId.MACHINE_RESUME,
        "machine",
        QT_TRANSLATE_NOOP("actions", "Resume a machine's line, or a tag in it…"),
    ),
    Action(
        ActionId.PROJECT_ADD, "project", QT_TRANSLATE_NOOP("actions", "Add a project…"), "Ctrl+O"
    ),
    Action(
        ActionId.PROJECT_REMOVE,
        "project",
        QT_TRANSLATE_NOOP("actions", "Remove the project from the list"),
        "Ctrl+Backspace",
    ),
    Action(ActionId.VIEW_FIND, "view", QT_TRANSLATE_NOOP("actions", "Find in the log"), "Ctrl+F"),
    Action(
        ActionId.VIEW_SEARCH_ALL,
        "view",
        QT_TRANSLATE_NOOP("actions", "Search all of the log on its machine"),
        "Ctrl+Alt+F",
    ),
    Action(
        ActionId.VIEW_FILTER,
        "view",
        QT_TRANSLATE_NOOP("actions", "Filter the list"),
        "Ctrl+Shift+F",
    ),
    Action(
        ActionId.VIEW_FOLLOW,
        "view",
        QT_TRANSLATE_NOOP("actions", "Follow or pause the log"),
        "Ctrl+Shift+L",
    ),
    Action(
        ActionId.VIEW_FOLD,
        "view",
        QT_TRANSLATE_NOOP("actions", "Fold or unfold the navigation"),
        "Ctrl+B",
    ),
    Action(
        ActionId.VIEW_THEME,
        "view",
        QT_TRANSLATE_NOOP("actions", "Switch between light and dark"),
        "Ctrl+Shift+D",
    ),
    Action(
        ActionId.VIEW_LANGUAGE,
        "view",
        QT_TRANSLATE_NOOP("actions", "Switch between English and Chinese"),
        "Ctrl+Shift+E",
    ),
    Action(ActionId.APP_PALETTE, "app", QT_TRANSLATE_NOOP("actions", "Find an action"), "Ctrl+K"),
    Action(ActionId.APP_QUIT, "app", QT_TRANSLATE_NOOP("actions", "Quit Lanherd"), "Ctrl+Q"),
)


def action_text(action: Action) -> str:
    """The action's text in the language of the window."""
    return QCoreApplication.translate(_CONTEXT, action.text)
