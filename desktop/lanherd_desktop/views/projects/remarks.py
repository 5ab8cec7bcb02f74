"""What the person should know of a project's environment, in the language of the window."""

from PySide6.QtCore import QCoreApplication

from lanherd_client.projects.environment_files import COMPILE, Remark
from lanherd_desktop.state.marking import QT_TRANSLATE_NOOP
from lanherd_desktop.views.words import english

_REMARKS = {
    "no_text": QT_TRANSLATE_NOOP(
        "projects",
        "{path} is not text, so it can't be a lock, and runs use the machine's own Python. Save it"
        " as UTF-8, or make a lock.",
    ),
    "no_hashes": QT_TRANSLATE_NOOP(
        "projects",
        "{path} has no hashes for all of its packages: the machine chooses versions when it first"
        " builds it and keeps to them; another machine may choose others. To fix them, rename it to"
        " requirements.in and make a lock by '{command}'.",
    ),
    "no_toml": QT_TRANSLATE_NOOP(
        "projects",
        "{path} can't be understood, and no lock is there, so runs use the machine's own Python:"
        " {problem}. Mend it, then make a lock by 'uv lock'.",
    ),
    "dynamic": QT_TRANSLATE_NOOP(
        "projects",
        "The dependencies in {path} are dynamic, so only its build could name them, and runs use"
        " the machine's own Python. Make a lock by 'uv lock'.",
    ),
    "no_lock": QT_TRANSLATE_NOOP(
        "projects",
        "{path} has no lock beside it: the machine chooses versions when it first builds it and"
        " keeps to them; another machine may choose others. 'uv lock' fixes them.",
    ),
}


def remark_text(remark: Remark) -> str:
    """Where the window speaks English, the client's own sentence stands."""
    if english():
        return remark.text
    template = QCoreApplication.translate("projects", _REMARKS[remark.code])
    return template.format(path=remark.path, problem=remark.problem, command=COMPILE)
