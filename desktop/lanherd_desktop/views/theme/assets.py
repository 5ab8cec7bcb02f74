"""Where the data files are: in the installed wheel, or beside the code in a checkout."""

from functools import lru_cache
from importlib.util import find_spec
from pathlib import Path

_CHECKOUT_RESOURCES = Path(__file__).resolve().parents[4] / "resources"


class ResourcesMissing(RuntimeError):
    """The installation lacks its data files."""

    def __init__(self) -> None:
        super().__init__("Lanherd's data files are missing. Install it again, or check it out.")


@lru_cache(maxsize=1)
def resources_dir() -> Path:
    """The folder that holds `icons/`, `translations/` and the rest. Raises ResourcesMissing."""
    installed = find_spec("lanherd_resources")
    places = list(installed.submodule_search_locations or []) if installed else []
    for place in (*map(Path, places), _CHECKOUT_RESOURCES):
        if (place / "icons").is_dir():
            return place
    raise ResourcesMissing
