"""What holds for every test: nothing is warned of, logged as a problem, leaked, or let out.

The strictness itself is in `tests/support/`; this file only switches it on. There is no list of
exceptions: a test that causes a warning log on purpose says so with `expects_logs`.
"""

import os
import signal
import tempfile
from collections.abc import Iterator
from pathlib import Path

import hypothesis
import pytest

from tests.support.isolation import isolated_environment, loopback_only
from tests.support.leaks import inspect_leaks, no_leaked_tasks
from tests.support.left_alive import end_noted, ends_what_is_left
from tests.support.logs import check_logs

__all__ = ["no_leaked_tasks"]

pytest_plugins = ["pytester"]

hypothesis.settings.register_profile("dev", deadline=None, print_blob=True)
hypothesis.settings.register_profile("ci", deadline=None, print_blob=True, derandomize=True)
hypothesis.settings.load_profile("ci" if os.environ.get("CI") else "dev")

_session_home = tempfile.TemporaryDirectory(prefix="lh-")


def pytest_configure() -> None:
    # A suite begun in the background of a shell inherits that it is ignored, and so would all that
    # the tests start and interrupt.
    if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
        signal.signal(signal.SIGINT, signal.default_int_handler)
    # For what starts outside a test: session fixtures, and the children of all of them.
    os.environ.update(isolated_environment(Path(_session_home.name)))
    loopback_only()


def pytest_unconfigure() -> None:
    end_noted()
    _session_home.cleanup()


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    # Before the test's own fixtures, so that it asks after they are gone; behind `strict`, since it
    # brings the event loop, whose threads end with it.
    for item in items:
        if isinstance(item, pytest.Function) and item.get_closest_marker("asyncio") is not None:
            names = item.fixturenames
            names.insert(names.index("strict") + 1, "no_leaked_tasks")


@pytest.fixture(autouse=True)
def strict(request: pytest.FixtureRequest) -> Iterator[None]:
    """Problems logged, and threads, children, sockets and files left behind, fail the test."""
    with check_logs(request.node), inspect_leaks():
        yield


@pytest.fixture(autouse=True)
def isolated(monkeypatch: pytest.MonkeyPatch, strict: None) -> Iterator[None]:
    """Each test has its own LANHERD_HOME, HOME and XDG folders; nothing reaches the user's own."""
    # Not tmp_path: a Unix socket's path has 107 bytes, and pytest's names alone take most of them.
    with tempfile.TemporaryDirectory(prefix="lh-") as folder, ends_what_is_left():
        for name, value in isolated_environment(Path(folder)).items():
            monkeypatch.setenv(name, value)
        yield
