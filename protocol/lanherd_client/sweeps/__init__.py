"""Sweeps: many runs of one command, from a sheet, a grid or a script's rows.

    from lanherd_client import blocking
    from lanherd_client.sweeps import grid

    with blocking.open() as fleet:
        sweep = fleet.sweep(
            grid(lr=["1e-3", "1e-4"], seed=range(3)),
            name="first-look",
            command=["python", "train.py", "--lr", "{lr}", "--seed={seed}"],
        )
        print(sweep.progress().total, "runs")
        print([view.state.outcome for view in sweep.wait()])

`read_sheet` gives the rows of an .xlsx or .csv file. A sweep that is sent again under its name adds
what is new. The names below are loaded when they are first used.
"""

from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from lanherd_client.sweeps.grids import grid
    from lanherd_client.sweeps.reading import read_sheet
    from lanherd_client.sweeps.sweep import Sweep

__all__ = ["Sweep", "grid", "read_sheet"]

_HOMES = {
    "Sweep": "lanherd_client.sweeps.sweep",
    "grid": "lanherd_client.sweeps.grids",
    "read_sheet": "lanherd_client.sweeps.reading",
}


def __getattr__(name: str) -> object:
    home = _HOMES.get(name)
    if home is None:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(home), name)
