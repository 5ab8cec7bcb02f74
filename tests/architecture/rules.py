"""The house's own rules. Each takes one file and yields what is wrong, and what to do instead.

No rule has exceptions by file; where something may be done in one place, that place is its owner
and part of the rule.
"""

import ast
import re
from collections.abc import Callable, Iterator

from tests.architecture.source import Finding, Source

Rule = Callable[[Source], Iterator[Finding]]

# Vendor → the only places that import it: a file, or a folder where the path ends in a slash.
# The standard library's process starters count as vendors. An empty owner list means that nobody
# does yet: whoever needs it first chooses the one place and names it here.
AGENT = "agent/lanherd_agent"
CLIENT = "protocol/lanherd_client"
PROTOCOL = "protocol/lanherd_protocol"
DESKTOP = "desktop/lanherd_desktop"
OWNERS: dict[str, tuple[str, ...]] = {
    # Two files, since they keep different promises: the agent's records are the only witness of
    # what they hold, and the catalogue of snapshots of nothing.
    "apsw": (f"{AGENT}/persist/sqlite.py", f"{AGENT}/persist/catalogue.py"),
    "asyncssh": (),
    "click": (f"{CLIENT}/cli/", f"{AGENT}/cli.py"),
    "cryptography": (f"{PROTOCOL}/aio/identity.py",),
    "msgpack": (f"{PROTOCOL}/codec.py",),
    "multiprocessing": (),
    "psutil": (f"{AGENT}/gpu/host.py",),
    "pynvml": tuple(f"{AGENT}/gpu/{name}.py" for name in ("nvml", "nvml_questions", "nvml_events")),
    "pyqtgraph": (),
    "python_calamine": (f"{CLIENT}/sweeps/xlsx_sheet.py",),
    "PySide6": (f"{DESKTOP}/",),
    "rich": (f"{CLIENT}/cli/",),
    "sqlite3": (),
    "subprocess": (
        f"{AGENT}/envs/uv_tool.py",
        f"{AGENT}/gpu/probe_process.py",
        f"{AGENT}/runs/launcher_process.py",
        f"{AGENT}/runs/log_search.py",
        f"{DESKTOP}/platform/demo_agent.py",
    ),
    "watchfiles": (f"{CLIENT}/projects/watching.py",),
    "zeroconf": (),
}
TASKS_OWNER = f"{PROTOCOL}/aio/tasks.py"
WAITING_OWNER = "tests/support/"

LINES_MAX = 500


def vendors(source: Source) -> Iterator[Finding]:
    for line, name in source.imports():
        top = name.partition(".")[0]
        owners = OWNERS.get(top)
        if owners is None or any(_owns(owner, source.path) for owner in owners):
            continue
        where = " or ".join(owners) or "no file yet: choose one, and name it in OWNERS"
        yield source.finding(
            line, f"{top} belongs to {where}; call its owner, or give it what lacks"
        )


def _owns(owner: str, path: str) -> bool:
    return path.startswith(owner) if owner.endswith("/") else path == owner


def processes(source: Source) -> Iterator[Finding]:
    """asyncio's process starters are the subprocess library under another name."""
    if source.path in OWNERS["subprocess"]:
        return
    for call, name in source.calls:
        if re.fullmatch(r"asyncio\.create_subprocess_(exec|shell)|os\.(system|popen)", name):
            yield source.finding(call, f"{name} outside the owners of subprocess; call one of them")


def tasks(source: Source) -> Iterator[Finding]:
    if source.path == TASKS_OWNER:
        return
    better = "use asyncio.TaskGroup, or lanherd_protocol.aio.tasks, so that somebody awaits it"
    for call, name in source.calls:
        receiver, _, method = name.rpartition(".")
        on_loop = receiver == "asyncio" or re.search(r"(^|[._])(event_)?loop(\(\))?$", receiver)
        if method == "ensure_future" or (method == "create_task" and on_loop):
            yield source.finding(call, f"{name} makes a task that nobody owns; {better}")


def queues(source: Source) -> Iterator[Finding]:
    checked = re.search(r"\b[A-Z][A-Z0-9_]*_MAX\b", source.text)
    for call, name in source.calls:
        if re.fullmatch(r"(asyncio|queue)\.(Lifo|Priority)?Queue", name):
            if _is_zero(_argument(call, 0, "maxsize")):
                yield source.finding(call, f"{name} without a bound; pass maxsize from limits.py")
        elif re.fullmatch(r"(_?queue)\.SimpleQueue", name):
            yield source.finding(
                call, f"{name} has no bound; use queue.Queue with one of limits.py"
            )
        elif name == "collections.deque" and not checked and _is_zero(_argument(call, 1, "maxlen")):
            yield source.finding(
                call, "deque without a bound; pass maxlen, or check a *_MAX of limits.py here"
            )


def _argument(call: ast.Call, position: int, name: str) -> ast.expr | None:
    if len(call.args) > position:
        return call.args[position]
    return next((k.value for k in call.keywords if k.arg == name), None)


def _is_zero(bound: ast.expr | None) -> bool:
    return bound is None or (isinstance(bound, ast.Constant) and not bound.value)


# Ends up here whoever catches one of these: asyncio.CancelledError is a BaseException.
_CANCELLING = {"asyncio.CancelledError", "asyncio.exceptions.CancelledError", "BaseException"}
_CANCEL_BETTER = (
    "re-raise it; to end a task of one's own use lanherd_protocol.aio.tasks, which tells"
    " the task's cancellation from ours"
)


def swallowed(source: Source) -> Iterator[Finding]:
    for node in source.nodes:
        if isinstance(node, ast.Try | ast.TryStar):
            for handler in node.handlers:
                yield from _swallowing_handler(source, handler, node.finalbody)
    for call, name in source.calls:
        if name in {"contextlib.suppress", "suppress"} and source.path != TASKS_OWNER:
            caught = {source.qualified(argument) for argument in call.args}
            if caught & _CANCELLING:
                yield source.finding(call, f"suppress() swallows cancellation: {_CANCEL_BETTER}")
            if "Exception" in caught:
                yield source.finding(call, "suppress(Exception) hides bugs; name what may happen")


def _swallowing_handler(
    source: Source, handler: ast.ExceptHandler, at_last: list[ast.stmt]
) -> Iterator[Finding]:
    if handler.type is None:
        yield source.finding(handler, "bare except; name what may happen")
        return
    caught = {source.qualified(kind) for kind in _kinds(handler.type)}
    owned = source.path == TASKS_OWNER
    if caught & _CANCELLING and not owned and not _goes_on_up(source, handler, at_last):
        yield source.finding(handler, f"swallowed cancellation: {_CANCEL_BETTER}")
    if "Exception" in caught and all(_is_nothing(statement) for statement in handler.body):
        yield source.finding(handler, "swallowed error; name what may happen, or tell somebody")


def _kinds(node: ast.expr) -> list[ast.expr]:
    return node.elts if isinstance(node, ast.Tuple) else [node]


def _goes_on_up(source: Source, handler: ast.ExceptHandler, at_last: list[ast.stmt]) -> bool:
    """It raises, or ends the process: a forked child must not return into its parent's code."""
    if any(isinstance(node, ast.Raise) for node in ast.walk(handler)):
        return True
    return any(
        isinstance(node, ast.Call) and source.qualified(node.func) == "os._exit"
        for statement in [*handler.body, *at_last]
        for node in ast.walk(statement)
    )


def _is_nothing(statement: ast.stmt) -> bool:
    return isinstance(statement, ast.Pass | ast.Continue) or (
        isinstance(statement, ast.Expr) and isinstance(statement.value, ast.Constant)
    )


def sleeps(source: Source) -> Iterator[Finding]:
    """For tests. `asyncio.sleep(0)`, which only lets others run, is no sleep."""
    if source.path.startswith(WAITING_OWNER):
        return
    better = "wait for a condition or open a gate (tests/support)"
    for call, name in source.calls:
        if name in {"time.sleep", "asyncio.sleep"}:
            if not (name == "asyncio.sleep" and call.args and _is_zero(call.args[0])):
                yield source.finding(call, f"{name} in a test; {better}")
        elif re.search(r"(^|\.)(qtbot\.wait|QTest\.qWait|QTest\.qSleep|QThread\.m?sleep)$", name):
            yield source.finding(
                call, f"{name} is a sleep; qtbot.waitUntil or waitSignal, or {better}"
            )


_SUPPRESSION = re.compile(r"#\s*(type:\s*ignore|noqa|pragma:\s*no cover|mypy:|ruff:|pylint:)")
_UNFINISHED = re.compile(r"\b(TODO|FIXME|XXX|HACK)\b")
_SKIPPING = re.compile(r"pytest\.(skip|xfail|importorskip|mark\.(skip|skipif|xfail))")


def suppressions(source: Source) -> Iterator[Finding]:
    for line, comment in source.comments:
        if _SUPPRESSION.search(comment):
            yield source.finding(line, "a check is switched off; mend what it found")
        if _UNFINISHED.search(comment):
            yield source.finding(line, "unfinished; finish it, or write an issue")
    for node in source.nodes:
        if isinstance(node, ast.Attribute) and _SKIPPING.fullmatch(source.qualified(node)):
            yield source.finding(node, "a test is switched off; make it run, or remove it")


def file_length(source: Source) -> Iterator[Finding]:
    lines = source.text.count("\n")
    if lines > LINES_MAX:
        yield source.finding(
            LINES_MAX, f"{lines} lines, {LINES_MAX} at most; cut it where its two themes meet"
        )


_IO_BUILTINS = {"open", "print", "input", "exec", "eval", "breakpoint"}


def is_pure(source: Source) -> bool:
    return (
        source.module == "lanherd_client.mirror"
        or source.module.startswith(("lanherd_agent.core", "lanherd_desktop.state"))
        or (
            source.module.startswith("lanherd_protocol")
            and not source.module.startswith("lanherd_protocol.aio")
        )
    )


def builtin_io(source: Source) -> Iterator[Finding]:
    """What ruff's banned names don't see: I/O that needs no import, and coroutines."""
    if not is_pure(source):
        return
    for call, name in source.calls:
        if name in _IO_BUILTINS:
            yield source.finding(call, f"{name}() in pure code; the shell touches the world")
    for node in source.nodes:
        if isinstance(node, ast.AsyncFunctionDef | ast.Await):
            yield source.finding(node, "async in pure code; return events or effects instead")


PRODUCT_RULES: tuple[Rule, ...] = (
    vendors,
    processes,
    tasks,
    queues,
    swallowed,
    suppressions,
    file_length,
    builtin_io,
)
TEST_RULES: tuple[Rule, ...] = (sleeps, swallowed, suppressions, file_length)


def findings(sources: list[Source], rules: tuple[Rule, ...]) -> list[str]:
    return [str(found) for source in sources for rule in rules for found in rule(source)]
