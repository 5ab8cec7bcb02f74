"""The fixtures of the conftest find what they are for: each fault is planted in a test."""

import signal
from collections import defaultdict
from pathlib import Path
from xml.etree import ElementTree

import pytest

from tests.support.isolation import NotLoopbackError, check_address

ROOT = Path(__file__).resolve().parents[3]

CONFTEST = """
from tests.conftest import isolated, no_leaked_tasks, strict
from tests.conftest import pytest_collection_modifyitems, pytest_configure, pytest_unconfigure
from tests.support import leaks

leaks.GRACE_S = 0.05
"""

FAULTS = {
    "warning": ("import warnings\ndef test(): warnings.warn('old', DeprecationWarning)", "old"),
    "log": ("import logging\ndef test(): logging.getLogger('a').warning('hm')", "WARNING a: hm"),
    "stale mark": (
        "import pytest\n@pytest.mark.expects_logs('hm', reason='r')\ndef test(): pass",
        "remove the mark",
    ),
    "mark without reason": (
        "import pytest\n@pytest.mark.expects_logs('hm')\ndef test(): pass",
        "needs patterns and a reason",
    ),
    "thread": (
        "import threading\ngate = threading.Event()\n"
        "def test(): threading.Thread(target=gate.wait, name='left', daemon=True).start()",
        "thread left",
    ),
    "child": (
        "import subprocess\nkept = []\n"
        "def test(): kept.append(subprocess.Popen(['cat'], stdin=subprocess.PIPE))",
        "child process",
    ),
    "socket": ("import socket\nkept = []\ndef test(): kept.append(socket.socket())", "open socket"),
    "collected socket": ("import socket\ndef test(): socket.socket()", "unclosed"),
    "file": (
        "import os\nkept = []\ndef test(tmp_path): kept.append(open(tmp_path / 'f', 'w'))",
        "open /tmp",
    ),
    "task": (
        "import asyncio\nkept = []\n"
        "async def test():\n"
        "    kept.append(asyncio.get_running_loop().create_task(asyncio.Event().wait()))",
        "tasks left running",
    ),
    "port": (
        "import socket\ndef test():\n    with socket.socket() as s: s.bind(('0.0.0.0', 0))",
        "NotLoopbackError",
    ),
    "qt": ("from PySide6.QtCore import qWarning\ndef test(): qWarning('ugly')", "ugly"),
}

INNOCENTS = """
import asyncio, logging, os, socket, subprocess, threading
import pytest

def test_nothing(): pass

@pytest.mark.expects_logs("hm", reason="it is what this test is about")
def test_expected_log(): logging.getLogger("a").warning("hm")

def test_tidy():
    thread = threading.Thread(target=lambda: None)
    thread.start()
    thread.join()
    subprocess.run(["true"], check=True)
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))

async def test_thread_of_the_loop():
    await asyncio.to_thread(len, "")

async def test_group():
    async with asyncio.TaskGroup() as group:
        group.create_task(asyncio.sleep(0))

def test_isolated():
    for name in ("HOME", "LANHERD_HOME", "LANHERD_RUNTIME_DIR", "XDG_CACHE_HOME"):
        assert os.environ[name].startswith("/tmp/lh-"), name
"""

INI = """
[pytest]
asyncio_mode = auto
asyncio_default_fixture_loop_scope = function
filterwarnings = error
qt_log_level_fail = WARNING
markers = expects_logs(*patterns, reason): as in the project
"""


def slug(name: str) -> str:
    return f"test_{name.replace(' ', '_')}"


def failures(report: Path) -> dict[str, str]:
    """What failed in each file, as one text; nothing for a file whose tests all passed."""
    told: dict[str, str] = defaultdict(str)
    for case in ElementTree.parse(report).iter("testcase"):
        told[case.attrib["classname"]] += "".join(
            f"{problem.get('message')}\n{problem.text}"
            for problem in case
            if problem.tag in ("failure", "error")
        )
    return told


def test_planted_faults_fail_and_tidy_tests_pass(
    pytester: pytest.Pytester, monkeypatch: pytest.MonkeyPatch
) -> None:
    # In one process of its own: a planted leak must not outlive its test in this one.
    pytester.makeini(INI)
    pytester.makeconftest(CONFTEST)
    pytester.makepyfile(**{slug(name): code for name, (code, _) in FAULTS.items()})
    pytester.makepyfile(test_innocents=INNOCENTS)
    monkeypatch.setenv("PYTHONPATH", str(ROOT))
    pytester.runpytest_subprocess("-p", "no:cacheprovider", "--junitxml=report.xml")
    told = failures(pytester.path / "report.xml")
    assert not told["test_innocents"]
    missed = [name for name, (_, words) in FAULTS.items() if words not in told[slug(name)]]
    assert not missed, {name: told[slug(name)] for name in missed}


@pytest.mark.parametrize("address", [("0.0.0.0", 1), ("", 1), ("10.1.2.3", 1), ("::", 1, 0, 0)])
def test_addresses_of_the_network_are_refused(address: tuple[object, ...]) -> None:
    with pytest.raises(NotLoopbackError):
        check_address(address)


@pytest.mark.parametrize("address", [("127.0.0.1", 1), ("::1", 1, 0, 0), ("localhost", 1), "/s"])
def test_loopback_and_unix_sockets_are_allowed(address: object) -> None:
    check_address(address)


def test_an_interrupt_that_the_shell_ignores_is_none_of_the_tests(
    pytester: pytest.Pytester, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As in the background of a shell without job control."""
    pytester.makeconftest(CONFTEST)
    pytester.makepyfile(
        "import signal, subprocess, sys\n"
        "SHOW = 'import signal; print(signal.getsignal(signal.SIGINT).__name__)'\n"
        "def test():\n"
        "    said = subprocess.run([sys.executable, '-c', SHOW], capture_output=True, text=True)\n"
        "    assert said.stdout == 'default_int_handler\\n', said"
    )
    monkeypatch.setenv("PYTHONPATH", str(ROOT))
    before = signal.signal(signal.SIGINT, signal.SIG_IGN)
    try:
        pytester.runpytest_subprocess("-p", "no:cacheprovider").assert_outcomes(passed=1)
    finally:
        signal.signal(signal.SIGINT, before)
