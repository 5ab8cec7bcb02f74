"""The tree keeps the house's rules, and each rule finds a planted violation."""

import pytest

from tests.architecture import rules
from tests.architecture.rules import PRODUCT_RULES, TEST_RULES, Rule, findings
from tests.architecture.source import ROOT, Source, product, suite

AGENT = "agent/lanherd_agent"
VIOLATIONS: list[tuple[Rule, str, str, str]] = [
    (rules.vendors, f"{AGENT}/shell/x.py", "import pynvml", "gpu/nvml.py"),
    (
        rules.vendors,
        f"{AGENT}/shell/x.py",
        "def f():\n    from apsw import Connection",
        "sqlite.py",
    ),
    (rules.vendors, f"{AGENT}/api/x.py", "import subprocess", "launcher_process.py"),
    (rules.vendors, "protocol/lanherd_client/x.py", "import zeroconf.asyncio", "choose one"),
    (rules.vendors, "protocol/lanherd_client/x.py", "from PySide6 import QtCore", "desktop"),
    (
        rules.processes,
        f"{AGENT}/api/x.py",
        "import asyncio\nasync def f(): await asyncio.create_subprocess_exec('a')",
        "owners of subprocess",
    ),
    (
        rules.tasks,
        f"{AGENT}/shell/x.py",
        "import asyncio\nasync def f(): asyncio.create_task(g())",
        "TaskGroup",
    ),
    (rules.tasks, f"{AGENT}/shell/x.py", "from asyncio import create_task as c\nc(1)", "TaskGroup"),
    (rules.tasks, f"{AGENT}/shell/x.py", "self._loop.create_task(1)", "TaskGroup"),
    (
        rules.tasks,
        f"{AGENT}/shell/x.py",
        "import asyncio\nasyncio.get_running_loop().create_task(1)",
        "TaskGroup",
    ),
    (rules.tasks, f"{AGENT}/shell/x.py", "import asyncio\nasyncio.ensure_future(1)", "TaskGroup"),
    (rules.queues, f"{AGENT}/shell/x.py", "import asyncio\nq = asyncio.Queue()", "maxsize"),
    (rules.queues, f"{AGENT}/shell/x.py", "import asyncio\nasyncio.Queue[int](0)", "maxsize"),
    (
        rules.queues,
        f"{AGENT}/shell/x.py",
        "from queue import Queue\nq = Queue(maxsize=0)",
        "maxsize",
    ),
    (rules.queues, f"{AGENT}/shell/x.py", "import queue\nq = queue.SimpleQueue()", "no bound"),
    (
        rules.queues,
        f"{AGENT}/shell/x.py",
        "from collections import deque\nd = deque([1])",
        "maxlen",
    ),
    (rules.swallowed, f"{AGENT}/x.py", "try: f()\nexcept: raise", "bare except"),
    (
        rules.swallowed,
        f"{AGENT}/x.py",
        "import asyncio\ntry: f()\nexcept (OSError, asyncio.CancelledError): g()",
        "cancellation",
    ),
    (rules.swallowed, f"{AGENT}/x.py", "try: f()\nexcept BaseException as e: print(e)", "re-raise"),
    (rules.swallowed, f"{AGENT}/x.py", "try: f()\nexcept Exception: pass", "swallowed error"),
    (
        rules.swallowed,
        f"{AGENT}/x.py",
        "import asyncio, contextlib\nwith contextlib.suppress(asyncio.CancelledError): f()",
        "swallows cancellation",
    ),
    (
        rules.swallowed,
        f"{AGENT}/x.py",
        "import contextlib\ncontextlib.suppress(Exception)",
        "hides",
    ),
    (rules.sleeps, "tests/unit/x.py", "import time\ntime.sleep(1)", "condition"),
    (rules.sleeps, "tests/unit/x.py", "from asyncio import sleep\nsleep(0.1)", "condition"),
    (rules.sleeps, "tests/unit/x.py", "def test(qtbot): qtbot.wait(100)", "waitUntil"),
    (rules.suppressions, f"{AGENT}/x.py", "import a  # type" + ": ignore[x]", "switched off"),
    (rules.suppressions, f"{AGENT}/x.py", "import a  # no" + "qa: F401", "switched off"),
    (rules.suppressions, f"{AGENT}/x.py", "# TO" + "DO: later", "unfinished"),
    (rules.suppressions, "tests/x.py", "import pytest\npytest.skip('no')", "test is switched off"),
    (rules.suppressions, "tests/x.py", "import pytest\n@pytest.mark.xfail\ndef t(): 1", "test is"),
    (rules.file_length, f"{AGENT}/x.py", "\n" * 501, "501 lines"),
    (rules.builtin_io, f"{AGENT}/core/x.py", "f = open('x')", "pure code"),
    (rules.builtin_io, "protocol/lanherd_protocol/x.py", "async def f(): pass", "pure code"),
    (rules.builtin_io, "protocol/lanherd_client/mirror.py", "print(1)", "pure code"),
]
INNOCENTS: list[tuple[Rule, str, str]] = [
    (rules.vendors, f"{AGENT}/gpu/nvml.py", "import pynvml"),
    (rules.vendors, "protocol/lanherd_client/cli/runs.py", "import click"),
    (
        rules.tasks,
        f"{AGENT}/shell/x.py",
        "import asyncio\nasync with asyncio.TaskGroup() as g: g.create_task(h())",
    ),
    (rules.tasks, rules.TASKS_OWNER, "import asyncio\nasyncio.create_task(f())"),
    (rules.queues, f"{AGENT}/x.py", "import asyncio\nq = asyncio.Queue(maxsize=INBOX_MAX)"),
    (rules.queues, f"{AGENT}/x.py", "from collections import deque\nd = deque([], 5)"),
    (
        rules.queues,
        f"{AGENT}/x.py",
        "from collections import deque\nd = deque()\nif len(d) >= limits.INBOX_MAX: f()",
    ),
    (rules.swallowed, f"{AGENT}/x.py", "try: f()\nexcept BaseException:\n    g()\n    raise"),
    (rules.swallowed, f"{AGENT}/x.py", "import os\ntry: f()\nexcept BaseException: os._exit(1)"),
    (rules.swallowed, f"{AGENT}/x.py", "try: f()\nexcept OSError: pass"),
    (
        rules.swallowed,
        f"{AGENT}/x.py",
        "import os\ntry: f()\nexcept BaseException: g()\nfinally: os._exit(0)",
    ),
    (rules.sleeps, "tests/unit/x.py", "import asyncio\nasync def f(): await asyncio.sleep(0)"),
    (rules.sleeps, "tests/support/waiting.py", "import time\ntime.sleep(0.01)"),
    (rules.suppressions, f"{AGENT}/x.py", "text = '# type" + ": ignore'"),
    (rules.file_length, f"{AGENT}/x.py", "\n" * 500),
    (rules.builtin_io, f"{AGENT}/shell/x.py", "f = open('x')"),
]


def test_the_product_keeps_the_rules() -> None:
    found = findings(product(), PRODUCT_RULES)
    assert not found, "\n" + "\n".join(found)


def test_the_tests_keep_the_rules() -> None:
    found = findings(suite(), TEST_RULES)
    assert not found, "\n" + "\n".join(found)


@pytest.mark.parametrize(("rule", "path", "code", "words"), VIOLATIONS)
def test_a_planted_violation_is_found(rule: Rule, path: str, code: str, words: str) -> None:
    (found,) = rule(Source(path, code))
    assert words in found.message


@pytest.mark.parametrize(("rule", "path", "code"), INNOCENTS)
def test_an_innocent_is_left_alone(rule: Rule, path: str, code: str) -> None:
    assert not list(rule(Source(path, code)))


def test_top_level_folders_are_no_packages() -> None:
    # packaging/__init__.py would hide the PyPA library of that name, and so on.
    found = [str(path.relative_to(ROOT)) for path in ROOT.glob("*/__init__.py")]
    assert not found, f"{found}: a top-level folder holds packages, it is none; remove the file"


@pytest.mark.parametrize("vendor", sorted(rules.OWNERS))
def test_owners_are_places_below_a_package(vendor: str) -> None:
    for owner in rules.OWNERS[vendor]:
        assert (ROOT / owner).exists(), f"{owner}, the owner of {vendor}, is gone; name the new one"
