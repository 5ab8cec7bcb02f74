"""A person at a real X window: pairs by a click, submits by keys, looks at the pages, quits.

The desktop and the agent are the real programs; what happened is asked of the agent by the command
line, and seen on the screen. `--shots DIR` keeps the pictures.
"""

import argparse
import json
import os
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from lanherd_desktop.demo import OVER
from lanherd_desktop.views.theme.tokens import DARK
from tests.bench.report import Metric
from tests.e2e.tools import expect
from tests.support.agent_process import agent_process
from tests.support.isolation import isolated_environment
from tests.support.screen import Picture, Screen, x_screen
from tests.support.waiting import wait_until

COMMAND = "echo hello from the window"
PAGES = ("machines", "projects", "runs", "outputs")
RUN_WITHIN_S = 60.0
DEMO_WITHIN_S = 280.0
END_WITHIN_S = 20.0
NOT_FOUND = 5
# Pixels: what differs between two pages, and what makes a picture more than an empty window.
PAGE_PIXELS_MIN = 2000
TYPED_PIXELS_MIN = 200
COLOURS_MIN = 100
BUTTON_PIXELS_MIN = 40
OK_PIXELS_MIN = 50
# Into the dialog's second field, below its first.
COMMAND_FIELD = (400, 84)


def main(arguments: list[str]) -> None:
    parser = argparse.ArgumentParser(prog="./dev e2e window", description=__doc__)
    parser.add_argument("--shots", type=Path, metavar="DIR", help="keep pictures of the screen")
    shots = parser.parse_args(arguments).shots
    for play in (desktop_by_hand, demo_to_its_end):
        with tempfile.TemporaryDirectory(prefix="lh-") as name:
            os.environ.update(isolated_environment(Path(name)))
            start = time.monotonic()
            play(Path(name), shots)
            took_s = time.monotonic() - start
            print(Metric(f"window.{play.__name__}", took_s, "s").as_json(), flush=True)


def desktop_by_hand(folder: Path, shots: Path | None = None) -> None:
    """The desktop from its first start to Ctrl+Q."""
    (folder / "controller" / "desktop.toml").write_text('theme = "dark"\nlanguage = "en"\n')
    with agent_process(folder / "agent"), x_screen(folder) as screen:
        with started(screen, folder, "lanherd_desktop") as desktop:
            keep = Keeper(screen, shots)
            window = screen.wait_window(desktop.pid, "Lanherd")
            pair(screen, window)
            keep.picture("paired")
            submit(screen, desktop.pid)
            keep.picture("run")
            screen.wait_window(desktop.pid, "Lanherd")
            look_at_pages(screen, keep)
            screen.press("ctrl+q")
            ends_well(desktop)
        (run,) = asked("runs")
        expect(run["state"] == "ended" and run["outcome"] == "succeeded", f"the run is {run}")


def pair(screen: Screen, window: str) -> None:
    """Click the button of the machine that was found; it becomes a card with live gauges."""

    def button() -> tuple[int, int] | None:
        # Below the title's row, where another button of this colour is.
        found = screen.picture().below(80).find(DARK.accent, BUTTON_PIXELS_MIN)
        return found and (found[0], found[1] + 80)

    wait_until(lambda: button() is not None, RUN_WITHIN_S)
    place = button()
    assert place is not None
    before = screen.picture()
    screen.click(window, place[0], place[1] + 8)
    screen.wait_change(before, PAGE_PIXELS_MIN)
    wait_until(lambda: [one["link"] for one in asked("machines")] == ["online"], RUN_WITHIN_S)


def submit(screen: Screen, process: int) -> None:
    """Ctrl+N, a command, Enter; and the run succeeds."""
    screen.press("ctrl+n")
    dialog = screen.wait_window(process, "New run")
    screen.click(dialog, *COMMAND_FIELD)
    before = screen.picture()
    screen.write(COMMAND)
    screen.wait_change(before, TYPED_PIXELS_MIN)
    screen.press("Return")
    wait_until(lambda: [one["state"] for one in asked("runs")] == ["ended"], RUN_WITHIN_S)
    wait_until(lambda: not screen.window(process, "New run"), RUN_WITHIN_S)


def look_at_pages(screen: Screen, keep: "Keeper") -> None:
    """Ctrl+1 to Ctrl+4: each is another picture, and none is an empty window."""
    screen.press("ctrl+comma")
    pictures = [keep.picture("settings")]
    for number, page in enumerate(PAGES, start=1):
        before = screen.picture()
        screen.press(f"ctrl+{number}")
        screen.wait_change(before, PAGE_PIXELS_MIN)
        pictures.append(keep.picture(page))
    for number, one in enumerate(pictures):
        expect(one.colours() >= COLOURS_MIN, f"page {number} has {one.colours()} colours")
        for other in pictures[:number]:
            expect(one.changed(other) >= PAGE_PIXELS_MIN, "two pages look the same")
    settings, runs = pictures[0], pictures[1 + PAGES.index("runs")]
    expect(runs.near(DARK.ok) >= settings.near(DARK.ok) + OK_PIXELS_MIN, "no run succeeded there")


def demo_to_its_end(folder: Path, shots: Path | None = None) -> None:
    """`./dev demo` with a screen keeps its window when its run is over, until it is closed."""
    home = folder / "demo"
    with x_screen(folder) as screen:
        with started(screen, folder, "lanherd_desktop.demo", "--json", "--home", str(home)) as demo:
            keep = Keeper(screen, shots)
            screen.wait_window(demo.pid, "Lanherd")
            agent = demo_agent(home)
            controller = ("--home", str(home / "controller"))
            wait_until(
                lambda: [run["state"] for run in asked("runs", *controller)] == ["ended"],
                DEMO_WITHIN_S,
            )
            # It still looks at the outputs, then leaves the window to the person.
            wait_until(lambda: OVER in demo.problems.read_text(), DEMO_WITHIN_S)
            before = screen.picture()
            screen.press("ctrl+1")
            screen.wait_change(before, PAGE_PIXELS_MIN)
            keep.picture("demo")
            expect(demo.is_alive(), "the demo's window closed by itself")
            screen.press("ctrl+q")
            told = ends_well(demo)
        expect(json.loads(told)["ok"] is True, f"the demo says {told}")
        wait_until(lambda: not Path(f"/proc/{agent}").exists(), END_WITHIN_S)


def demo_ended_by_signal(folder: Path) -> None:
    """SIGTERM closes the demo's window in the middle of its run, and ends its agent."""
    home = folder / "demo"
    with x_screen(folder) as screen:
        with started(screen, folder, "lanherd_desktop.demo", "--home", str(home)) as demo:
            screen.wait_window(demo.pid, "Lanherd")
            agent = demo_agent(home)
            os.kill(demo.pid, signal.SIGTERM)
            ends_well(demo)
        wait_until(lambda: not Path(f"/proc/{agent}").exists(), END_WITHIN_S)


class Keeper:
    """Pictures of the screen, kept where they are wanted."""

    def __init__(self, screen: Screen, folder: Path | None) -> None:
        self._screen = screen
        self._folder = folder

    def picture(self, name: str) -> Picture:
        picture = self._screen.settled()
        if self._folder is not None:
            self._folder.mkdir(parents=True, exist_ok=True)
            picture.save(self._folder / f"{name}.png")
        return picture


class Program:
    """A program with its windows on the screen."""

    def __init__(self, process: "subprocess.Popen[bytes]", told: Path, problems: Path) -> None:
        self._process = process
        self.pid = process.pid
        self.told = told
        self.problems = problems

    def is_alive(self) -> bool:
        return self._process.poll() is None

    def wait(self) -> int:
        return self._process.wait(END_WITHIN_S)


@contextmanager
def started(screen: Screen, folder: Path, module: str, *arguments: str) -> Iterator[Program]:
    """A program that doesn't outlive the block; what it says is kept in `folder`."""
    told, problems = folder / "stdout", folder / "stderr"
    with told.open("wb") as out, problems.open("wb") as err:
        process = subprocess.Popen(
            [sys.executable, "-P", "-m", module, *arguments],
            env=screen.variables,
            stdin=subprocess.DEVNULL,
            stdout=out,
            stderr=err,
        )
    try:
        yield Program(process, told, problems)
    except BaseException as problem:
        ending = "is alive" if process.poll() is None else f"ended with {process.returncode}"
        problem.add_note(f"{module} {ending}; it said:\n{problems.read_text()}")
        screen.picture().save(folder / "screen.png")
        raise
    finally:
        if process.poll() is None:
            process.kill()
            process.wait()


def ends_well(program: Program) -> str:
    """The program ends with 0 and says nothing of trouble; its stdout."""
    code = program.wait()
    told, problems = program.told.read_text(), program.problems.read_text()
    expect(code == 0, f"it ended with {code}: {told}{problems}")
    expect("Traceback" not in problems, problems)
    return told


def demo_agent(home: Path) -> int:
    """The pid of the agent that the demo started."""
    lock = home / "agent" / "agent.lock"
    wait_until(lambda: lock.exists() and lock.read_text().strip().isdigit(), RUN_WITHIN_S)
    return int(lock.read_text())


def asked(verb: str, *arguments: str) -> list[dict[str, Any]]:
    """What the command line says of the same machines, as another program of this person."""
    command: Sequence[str] = [
        *(str(Path(sys.executable).with_name("lanherd")), *arguments),
        *(verb, "--json"),
    ]
    told = subprocess.run(
        command, stdin=subprocess.DEVNULL, capture_output=True, text=True, check=False
    )
    if told.returncode == NOT_FOUND:  # no machine is paired yet
        return []
    expect(told.returncode == 0, f"lanherd {verb} --json: {told.stderr}")
    answer = json.loads(told.stdout)
    assert isinstance(answer, list)
    return answer
