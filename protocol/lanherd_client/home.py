"""Where a controller keeps its state, and where agents of this machine advertise themselves.

HOME/identity/       the device key and certificate of this installation
HOME/machines.json   the machines that it is paired with
HOME/completion.json names for the shell's completion; may be deleted at any time
"""

import os
import warnings
from pathlib import Path

from lanherd_protocol.errors import ErrorCode, error

HOME_VARIABLE = "LANHERD_HOME"
RUNTIME_VARIABLE = "LANHERD_RUNTIME_DIR"


def controller_home(chosen: Path | None = None) -> Path:
    """The controller's home: the chosen one, else `LANHERD_HOME`, else the user's data folder."""
    if chosen is not None:
        return chosen.expanduser().absolute()
    named = os.environ.get(HOME_VARIABLE)
    if named:
        return Path(named).expanduser().absolute()
    import platformdirs

    return Path(platformdirs.user_data_dir("lanherd"))


def ensure_home(home: Path) -> None:
    """Makes the home, for its owner only. Raises `HOME_UNUSABLE` where that can't be done."""
    try:
        home.mkdir(mode=0o700, parents=True, exist_ok=True)
    except OSError as problem:
        no_folder = isinstance(problem, FileExistsError)
        raise error(
            ErrorCode.HOME_UNUSABLE,
            f"{home} can't be used for Lanherd's own state.",
            "It is not a folder." if no_folder else f"{problem.strerror or problem}.",
            f"Make it writable, or name another one with {HOME_VARIABLE}.",
        ) from problem


def advert_dir() -> Path:
    """Where agents of this machine leave their adverts, one JSON file each.

    Raises PermissionError when the only folder for it belongs to somebody else.
    """
    named = os.environ.get(RUNTIME_VARIABLE)
    if named:
        return Path(named) / "lanherd" / "agents"
    import platformdirs

    with warnings.catch_warnings():
        # Without a login session there is no XDG_RUNTIME_DIR; its stand-in is as good to us.
        warnings.simplefilter("ignore", platformdirs.RuntimeDirWarning)
        return Path(platformdirs.user_runtime_dir("lanherd", appauthor=False)) / "agents"
