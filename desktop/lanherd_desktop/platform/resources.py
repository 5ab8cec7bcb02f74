"""Where the data files lie: beside the installed packages, or in the checkout's `resources`."""

from functools import cache
from pathlib import Path

_INSTALLED = "lanherd_resources"
_CHECKOUT = "resources"


@cache
def resources_path() -> Path:
    """The directory of icons, translations and the sample project.

    Raises FileNotFoundError when the installation is not whole.
    """
    package = Path(__file__).resolve().parents[2]
    for candidate in (package / _INSTALLED, package.parent / _CHECKOUT):
        if candidate.is_dir():
            return candidate
    raise FileNotFoundError(
        f"Lanherd's data files are missing: neither {package / _INSTALLED} nor "
        f"{package.parent / _CHECKOUT} is there. Install Lanherd again."
    )
