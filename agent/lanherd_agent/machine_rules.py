"""The owner's rules: a TOML file in the agent's home, taken whole or not at all.

`rules.toml` is anybody's to edit: by hand, from the command line, from the window. It is looked at
with each sample of the machine. What is good is taken and copied to `rules.last-good.toml`; a
broken file changes nothing, and is told as a problem until it is mended. Without a file every rule
is its default.
"""

import asyncio
import logging
import os
import stat
import time
from collections.abc import Awaitable, Callable
from functools import partial
from hashlib import sha256
from pathlib import Path

from lanherd_agent.disk import in_thread, write_durably
from lanherd_agent.home import AgentHome
from lanherd_agent.problems import Problems
from lanherd_protocol.aio.tasks import TaskOwner
from lanherd_protocol.errors import ErrorCode, LanherdError, error
from lanherd_protocol.machine_rules import MachineRules
from lanherd_protocol.rules_check import RULES_BYTES_MAX, KnownGpus, check_rules, unreadable
from lanherd_protocol.rules_messages import PutRules, RuleFinding, RulesChecked, RulesState
from lanherd_protocol.values import Reason

log = logging.getLogger("lanherd.rules")

FILE = "rules.toml"
LAST_GOOD = "rules.last-good.toml"
BROKEN = "rules_broken"
NOT_COPIED = "rules_not_copied"
GPU_MISSING = "rules_gpu_missing"
ABSENT_LOOKS = 2
"""Some editors remove a file before they write it anew: one that is gone is looked for again."""

Seen = tuple[int, int, int, int]
"""What a changed file differs in: its inode, size, and when it and its inode were changed."""


class RulesKeeper:
    """The rules of one machine, and their file."""

    def __init__(
        self,
        home: AgentHome,
        problems: Problems,
        on_change: Callable[[MachineRules], None],
        gpus: Callable[[], KnownGpus],
    ) -> None:
        self._file = home.root / FILE
        self._copy = home.root / LAST_GOOD
        self._problems = problems
        self._on_change = on_change
        self._gpus = gpus
        self._seen: Seen | None = None
        self._absent = 0
        self._text = ""
        self._findings: tuple[RuleFinding, ...] = ()
        self._rules = MachineRules()
        self._told: MachineRules | None = None
        self._since = time.time()
        self._last_good: str | None = None
        self._copied: str | None = None
        self._copying = asyncio.Lock()
        self._putting = asyncio.Lock()
        self._tasks: TaskOwner | None = None

    @property
    def rules(self) -> MachineRules:
        """Those that hold."""
        return self._rules

    def open(self, tasks: TaskOwner) -> None:
        """Read the file, and say what holds. Where it is broken, the last good one does."""
        self._tasks = tasks
        self._last_good = self._copied = _last_good(self._copy)
        self._seen = _look(self._file)
        if self._seen is not None:
            self._read()
        self._tell()

    def look(self) -> None:
        """Take the file again if it was changed; on the loop's thread, with each sample."""
        self._look_at_file()
        self._tell_of_gpus()

    def _look_at_file(self) -> None:
        seen = _look(self._file)
        if seen is None:
            self._absent += 1
            if self._absent < ABSENT_LOOKS or self._seen is None:
                return
            log.info("the rules file was removed: every rule is its default now")
            self._seen, self._text = None, ""
            self._take(MachineRules())
            return
        self._absent = 0
        if seen != self._seen:
            # First what was seen, then the content: a change in between is seen the next time.
            self._seen = seen
            self._read()

    def state(self) -> RulesState:
        return RulesState(
            text=self._text,
            text_hash=_hash(self._text),
            rules=self._rules,
            in_force_since=self._since,
            findings=self._findings,
            last_good=self._last_good,
        )

    def check(self, text: str) -> RulesChecked:
        """What would be said of this file here."""
        return check_rules(text, self._gpus(), self._rules.gpus or ())

    async def put(self, request: PutRules, record: Callable[[], Awaitable[None]]) -> None:
        """Replace the file; `record` is awaited just before.

        Raises INVALID_REQUEST, CONFLICT, or what keeps it from being written; nothing is changed
        then.
        """
        async with self._putting:
            self.look()
            findings = self.check(request.text).findings
            if findings:
                raise _refused(findings)
            # It may have been put already, and the answer was lost on its way.
            there = request.text == self._text and self._seen is not None
            if not there and request.expected_hash not in (None, _hash(self._text)):
                raise _edited_since()
            await record()
            if not there:
                await self._write(request.text)

    async def _write(self, text: str) -> None:
        try:
            # A link stays one: the file that it leads to is written.
            path = self._file.resolve() if self._file.is_symlink() else self._file
            await in_thread(partial(write_durably, path, text.encode()))
        except OSError as problem:
            raise _unwritable(self._file, problem) from problem
        self._seen = None
        self.look()

    def _read(self) -> None:
        text = _text_of(self._file)
        if isinstance(text, RuleFinding):
            self._text = ""
            self._keep_out((text,))
            return
        self._text = text
        checked = self.check(text)
        if checked.rules is None:
            self._keep_out(checked.findings)
            return
        self._last_good = text
        self._take(checked.rules)
        assert self._tasks is not None, "opened before it is looked at"
        self._tasks.spawn(self._copy_good(), "copy of the rules")

    def _take(self, rules: MachineRules) -> None:
        self._findings = ()
        self._problems.clear(BROKEN)
        self._hold(rules)

    def _hold(self, rules: MachineRules) -> None:
        if rules == self._rules:
            return
        self._rules = rules
        self._since = time.time()
        log.info("other rules hold now: %s", rules)
        self._tell()

    def _tell(self) -> None:
        if self._rules != self._told:
            self._told = self._rules
            self._on_change(self._rules)

    def _keep_out(self, findings: tuple[RuleFinding, ...]) -> None:
        self._findings = findings
        first = findings[0]
        log.warning("%s is kept out; line %d: %s", self._file, first.line, first.text)
        self._problems.put(_broken(findings, self._last_good is not None))
        # By what is on the disk alone, so that it is the same after a restart, and after a file
        # that was taken away in between.
        good = None if self._last_good is None else check_rules(self._last_good).rules
        self._hold(good or MachineRules())

    async def _copy_good(self) -> None:
        async with self._copying:
            text = self._last_good
            if text is None or text == self._copied:
                return
            try:
                await in_thread(partial(write_durably, self._copy, text.encode()))
            except OSError as problem:
                self._problems.put(_not_copied(problem))
                return
            self._copied = text
            self._problems.clear(NOT_COPIED)

    def _tell_of_gpus(self) -> None:
        """Of GPUs that the rules name and the machine lacks: they may be lost, or never were."""
        known = self._gpus()
        missing = [
            gpu
            for gpu in self._rules.gpus or ()
            if known and gpu not in known and gpu not in known.values()
        ]
        if missing:
            self._problems.put(_gpu_missing(missing))
        else:
            self._problems.clear(GPU_MISSING)


def _look(path: Path) -> Seen | None:
    try:
        status = path.stat()
    except FileNotFoundError:
        return None
    except OSError:
        # Such as a loop of links: reading it says what it is.
        return (0, 0, 0, 0)
    return (status.st_ino, status.st_size, status.st_mtime_ns, status.st_ctime_ns)


def _text_of(path: Path) -> str | RuleFinding:
    remedy = f"Make {path.name} a plain text file that the agent's user can read."
    try:
        # Not to wait for a writer, should it be a pipe.
        descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC | os.O_NONBLOCK)
        try:
            if not stat.S_ISREG(os.fstat(descriptor).st_mode):
                return unreadable(
                    "It is no plain file.", remedy, refusal="rules_no_file", file=path.name
                )
            data = os.read(descriptor, RULES_BYTES_MAX + 1)
        finally:
            os.close(descriptor)
    except OSError as problem:
        return unreadable(
            f"It can't be read: {problem.strerror}.",
            remedy,
            refusal="rules_refused",
            problem=problem.strerror or "",
            file=path.name,
        )
    try:
        return data.decode()
    except UnicodeDecodeError as problem:
        line = data.count(b"\n", 0, problem.start) + 1
        if len(data) > RULES_BYTES_MAX:
            return unreadable(
                f"It has more than {RULES_BYTES_MAX} bytes.",
                "Write less in it.",
                refusal="rules_too_long",
                bytes_max=RULES_BYTES_MAX,
            )
        return RuleFinding(
            line=line,
            key="",
            code="unreadable",
            text="This is no UTF-8 text.",
            remedy="Save the file as UTF-8.",
            data={"refusal": "rules_no_text"},
        )


def _last_good(path: Path) -> str | None:
    if _look(path) is None:
        return None
    text = _text_of(path)
    if isinstance(text, str) and check_rules(text).rules is not None:
        return text
    log.warning("%s is not as the agent wrote it, and is left alone", path)
    return None


def _hash(text: str) -> str:
    return sha256(text.encode()).hexdigest()


def _broken(findings: tuple[RuleFinding, ...], copied: bool) -> Reason:
    first = findings[0]
    more = f" {len(findings) - 1} more are wrong with it." if len(findings) > 1 else ""
    holds = "The last good rules hold." if copied else "No rules were ever good: defaults hold."
    return Reason(
        code=BROKEN,
        text=f"The rules file is kept out. Line {first.line}: {first.text}{more} {holds}",
        data={
            "line": first.line,
            "key": first.key,
            "finding": first.code,
            "what": first.text,
            "findings": len(findings),
        },
        remedy=first.remedy,
    )


def _gpu_missing(missing: list[int | str]) -> Reason:
    names = ", ".join(map(str, missing))
    return Reason(
        code=GPU_MISSING,
        text=f"The rules name GPU {names}, which the machine doesn't have now.",
        data={"gpus": names},
        remedy="Look whether the driver lost it, or take it out of the rules.",
    )


def _not_copied(problem: OSError) -> Reason:
    why = problem.strerror or str(problem)
    return Reason(
        code=NOT_COPIED,
        text=f"The rules hold, but no copy of them could be kept: {why}.",
        data={"why": why},
        remedy=f"Make room on the machine's disk, and save {FILE} again.",
    )


def _edited_since() -> LanherdError:
    return error(
        ErrorCode.CONFLICT,
        "The rules were changed meanwhile.",
        "They are not those any more that you began with.",
        "Look at them again, and make your change there.",
        refusal="rules_changed",
    )


def _refused(findings: tuple[RuleFinding, ...]) -> LanherdError:
    lines = "\n".join(f"Line {finding.line}: {finding.text}" for finding in findings)
    return error(
        ErrorCode.INVALID_REQUEST,
        "These rules can't be taken.",
        lines,
        findings[0].remedy,
        line=findings[0].line,
        key=findings[0].key,
        findings=len(findings),
    )


def _unwritable(path: Path, problem: OSError) -> LanherdError:
    return error(
        ErrorCode.STORE_FAILED,
        "The rules can't be written.",
        f"{path}: {problem.strerror or problem}.",
        "Make room on the machine's disk, or let the agent's user write there.",
        refusal="rules_not_written",
        path=str(path),
        why=problem.strerror or str(problem),
    )
