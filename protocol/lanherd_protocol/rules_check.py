"""A rules file as text: the rules that it means, or all that is wrong with it.

Nothing is taken of a file with a finding. What only the machine knows, its GPUs, is looked at when
they are told.
"""

import re
import tomllib
from ast import literal_eval
from collections.abc import Callable, Collection, Iterable, Mapping
from difflib import get_close_matches
from functools import partial
from typing import Any, NamedTuple, get_args

from lanherd_protocol.hours import parse_hours
from lanherd_protocol.machine_rules import MachineRules, ShareRule, Strategy
from lanherd_protocol.rules_lines import KeyPath, line_of, lines_of
from lanherd_protocol.rules_messages import RuleFinding, RulesChecked

RULES_BYTES_MAX = 64 * 1024
FINDINGS_MAX = 50
DOTS_PER_LINE_MAX = 100
"""A dotted key of thousands of names would keep `tomllib` busy for a minute."""
SHARES_MAX = 256
_GPUS_MAX = 64
_RUNS_MAX = 10_000
_DURATION_S_MAX = 365 * 86_400.0
_SHOWN_CHARS = 60

KnownGpus = Mapping[int, str]
"""The GPUs of a machine: UUIDs by index."""


class Key(NamedTuple):
    """One key: what it wants in words, an example as TOML, and how its value is read. The reader
    returns None for a value that it doesn't take."""

    wants: str
    example: str
    read: Callable[[Any], Any]


def check_rules(
    text: str, gpus: KnownGpus | None = None, held: Collection[int | str] = ()
) -> RulesChecked:
    """Read a rules file whole.

    `gpus` are the machine's; None or empty: not known. GPUs in `held` are taken as known too: a
    rule that holds already doesn't become wrong because a GPU fell off the bus.
    """
    document = _parsed(text)
    if isinstance(document, RuleFinding):
        return RulesChecked(findings=(document,))
    checking = _Checking(lines_of(text))
    rules = checking.rules(document)
    # Told together: what was wrong counts as not said, and contradicts nothing.
    checking.contradictions(rules, gpus or None, held)
    if checking.findings:
        found = sorted(checking.findings, key=lambda finding: finding.line)
        return RulesChecked(findings=tuple(found[:FINDINGS_MAX]))
    return RulesChecked(rules=rules)


def unreadable(why: str, remedy: str, **data: str | int | float) -> RuleFinding:
    """The finding for a file whose text can't be had; `why` is a sentence."""
    return RuleFinding(line=1, key="", code="unreadable", text=why, remedy=remedy, data=data)


def _parsed(text: str) -> dict[str, Any] | RuleFinding:
    size_bytes = len(text.encode("utf-8", "replace"))
    if size_bytes > RULES_BYTES_MAX:
        return unreadable(
            f"The rules have {size_bytes} bytes; {RULES_BYTES_MAX} are the most.",
            "Write fewer users and tags, or less beside the rules.",
            refusal="rules_large",
            bytes_max=RULES_BYTES_MAX,
            size_bytes=size_bytes,
        )
    for number, line in enumerate(text.split("\n"), start=1):
        if line.count(".") > DOTS_PER_LINE_MAX and not line.lstrip().startswith("#"):
            return RuleFinding(
                line=number,
                key="",
                code="syntax",
                text=f"This line has more than {DOTS_PER_LINE_MAX} dots.",
                remedy="Write tables, such as [users.NAME], rather than long dotted keys.",
                data={"refusal": "rules_dots", "dots_max": DOTS_PER_LINE_MAX},
            )
    try:
        return tomllib.loads(text)
    except ValueError as problem:
        return _syntax(text, str(problem))
    except RecursionError:
        return _syntax(text, "Brackets are too deep inside each other")


_DECLARED = re.compile(r"Cannot declare (\(.*\)) twice")
"""What `tomllib` says of a table, in the words of Python."""


def _syntax(text: str, problem: str) -> RuleFinding:
    what, _, where = problem.partition(" (at ")
    found = re.match(r"line (\d+), column (\d+)", where)
    # What isn't somewhere is missing at the end.
    line, column = map(int, found.groups()) if found else (text.rstrip().count("\n") + 1, 0)
    key = _key_at(text, line)
    if (
        what == "Cannot overwrite a value"
        and key
        and key in map(partial(_key_at, text), range(1, line))
    ):
        return RuleFinding(
            line=line,
            key="",
            code="syntax",
            text=f"{key} is written a second time.",
            remedy="Keep one of the two lines.",
            data={"refusal": "key_twice", "column": column, "problem": what, "key": key},
        )
    if again := _DECLARED.match(what):
        table = _dotted(literal_eval(again[1]))
        return RuleFinding(
            line=line,
            key="",
            code="syntax",
            text=f"[{table}] is written a second time.",
            remedy=f"Keep one [{table}], and write all that is said of it below that.",
            data={"refusal": "table_twice", "column": column, "problem": what, "key": table},
        )
    return RuleFinding(
        line=line,
        key="",
        code="syntax",
        text=f"This is no TOML{f', at column {column}' if column else ''}: "
        f"{what[:1].lower()}{what[1:]}.",
        remedy="Write one 'key = value' on each line; text is in quotes.",
        data={"refusal": "rules_no_toml", "column": column, "problem": what},
    )


# --- Values --------------------------------------------------------------------------------------


def _key_at(text: str, line: int) -> str:
    """The key that a line says, where it says one."""
    name, equals, _ = text.split("\n")[line - 1].partition("=")
    return name.strip() if equals else ""


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


def _whole(low: int, high: int) -> Callable[[Any], int | None]:
    def read(value: Any) -> int | None:
        fits = isinstance(value, int) and not isinstance(value, bool) and low <= value <= high
        return value if fits else None

    return read


def _number(low: float, high: float) -> Callable[[Any], float | None]:
    """Above `low` (a share of 0 would let nothing run), up to `high`."""

    def read(value: Any) -> float | None:
        return float(value) if _is_number(value) and low < value <= high else None

    return read


def _choice(*words: str) -> Callable[[Any], str | None]:
    def read(value: Any) -> str | None:
        return value if isinstance(value, str) and value in words else None

    return read


def _flag(value: Any) -> bool | None:
    return value if isinstance(value, bool) else None


_UNITS_S = {"ms": 0.001, "s": 1.0, "m": 60.0, "h": 3600.0, "d": 86_400.0, "w": 604_800.0}
_PART = re.compile(
    r"(\d+(?:\.\d+)?)\s*(ms|s|m|h|d|w)(?:ec|econds?|in|inutes?|ours?|ays?|eeks?)?\s*",
    re.IGNORECASE | re.ASCII,
)


def _duration(low: float) -> Callable[[Any], float | None]:
    """A number of seconds, or text such as '10 s', '5min', '1h 30m'."""

    def read(value: Any) -> float | None:
        seconds: Any = _seconds(value.strip()) if isinstance(value, str) else value
        if not _is_number(seconds) or not low <= seconds <= _DURATION_S_MAX:
            return None
        return float(seconds)

    return read


def _seconds(text: str) -> float | None:
    seconds, at = 0.0, 0
    while found := _PART.match(text, at):
        seconds += float(found[1]) * _UNITS_S[found[2].lower()]
        at = found.end()
    return seconds if at and at == len(text) else None


def _gpus(value: Any) -> tuple[int | str, ...] | None:
    if not isinstance(value, list) or len(value) > _GPUS_MAX:
        return None
    return tuple(value) if all(map(_is_gpu, value)) else None


def _is_gpu(value: Any) -> bool:
    if isinstance(value, str):
        return bool(value)
    return isinstance(value, int) and not isinstance(value, bool) and value >= 0


def _hours(value: Any) -> tuple[str, ...] | None:
    spans = [value] if isinstance(value, str) else value
    if not isinstance(spans, list) or not all(isinstance(span, str) for span in spans):
        return None
    for span in spans:
        parse_hours(span)
    return tuple(spans)


_AT_LEAST_0 = f"a whole number from 0 to {_GPUS_MAX}"
_SOME_TIME = "seconds, or a time with its unit"
_STRATEGIES = get_args(Strategy)

KEYS: dict[str, Key] = {
    "gpus": Key("a list of indices or UUIDs of GPUs", "[0, 1]", _gpus),
    "keep_free": Key(_AT_LEAST_0, "1", _whole(0, _GPUS_MAX)),
    "strategy": Key(f"one of {', '.join(_STRATEGIES)}", '"pack"', _choice(*_STRATEGIES)),
    "exclusive_by_default": Key("true or false", "true", _flag),
    "vram_share_max": Key("a share above 0, up to 1", "0.9", _number(0, 1)),
    "beside_others": Key("wait or share", '"wait"', _choice("wait", "share")),
    "quiet_s": Key(_SOME_TIME, '"10 s"', _duration(0)),
    "temperature_c_max": Key("degrees Celsius, from 21 to 120", "85", _number(20, 120)),
    "power_w_max": Key("watts, up to 100000", "1200", _number(0, 100_000)),
    "runs_at_once_max": Key(f"a whole number from 1 to {_RUNS_MAX}", "8", _whole(1, _RUNS_MAX)),
    "hours": Key("a list of times", '["18:00-08:00"]', _hours),
    "over_use": Key("warn or stop", '"stop"', _choice("warn", "stop")),
    "failures_max": Key("a whole number from 0 to 1000", "3", _whole(0, 1000)),
    "failures_backoff_s": Key(_SOME_TIME, '"10 min"', _duration(0)),
    "backfill": Key("true or false", "true", _flag),
    "ageing_s": Key(f"{_SOME_TIME}, at least 1 s", '"10 min"', _duration(1)),
    "fair_share": Key("true or false", "true", _flag),
    "fair_share_half_life_s": Key(f"{_SOME_TIME}, at least 1 s", '"1 d"', _duration(1)),
}
"""Every key but the tables of shares."""
SHARE_TABLES = ("users", "tags")
SHARE_KEYS: dict[str, Key] = {
    "gpus_min": Key(_AT_LEAST_0, "1", _whole(0, _GPUS_MAX)),
    "gpus_max": Key(_AT_LEAST_0, "2", _whole(0, _GPUS_MAX)),
}


class _Checking:
    """The findings of one file so far."""

    def __init__(self, lines: Mapping[KeyPath, int]) -> None:
        self._lines = lines
        self.findings: list[RuleFinding] = []

    def rules(self, document: dict[str, Any]) -> MachineRules:
        tables = {name: document[name] for name in SHARE_TABLES if name in document}
        plain = {name: value for name, value in document.items() if name not in tables}
        values = self._values((), plain, KEYS, SHARE_TABLES)
        values.update((name, self._shares(name, table)) for name, table in tables.items())
        return MachineRules(**values)

    def _shares(self, name: str, table: Any) -> dict[str, ShareRule]:
        if not isinstance(table, dict) or len(table) > SHARES_MAX:
            wants = f"{name} is a table of up to {SHARES_MAX} names"
            text = f"{wants}; this is {_shown(table)}."
            self._find(
                (name,),
                "wrong_value",
                text,
                f"Write [{name}.NAME] and gpus_max = 2 below.",
                refusal="shares_no_table",
                names_max=SHARES_MAX,
                found=_written(table),
            )
            return {}
        shares: dict[str, ShareRule] = {}
        for who, share in table.items():
            path = (name, who)
            if isinstance(share, dict):
                shares[who] = ShareRule(**self._values(path, share, SHARE_KEYS))
                continue
            text = f"{_dotted(path)} is a table; this is {_shown(share)}."
            remedy = f"Write {_dotted(path)} = {{ gpus_max = 2 }}."
            refusal = "share_of_nobody" if who in SHARE_KEYS else "share_no_table"
            if who in SHARE_KEYS:
                remedy = f"Write [{name}.NAME] above it: whose share it is."
            found = _written(share)
            self._find(path, "wrong_value", text, remedy, refusal=refusal, table=name, found=found)
        return shares

    def _values(
        self,
        path: KeyPath,
        table: dict[str, Any],
        keys: Mapping[str, Key],
        tables: Collection[str] = (),
    ) -> dict[str, Any]:
        values: dict[str, Any] = {}
        for name, value in table.items():
            key = keys.get(name)
            if key is None:
                self._unknown((*path, name), (*keys, *tables))
                continue
            try:
                read, why = key.read(value), ""
            except ValueError as problem:
                read, why = None, str(problem)
            if read is None:
                self._wrong((*path, name), key, value, why)
            else:
                values[name] = read
        return values

    def _unknown(self, path: KeyPath, known: Iterable[str]) -> None:
        if len(self.findings) >= FINDINGS_MAX:
            return
        nearest = get_close_matches(path[-1].lower(), known, n=1, cutoff=0.5)
        remedy = f"Did you mean {nearest[0]}?" if nearest else f"Rules: {', '.join(known)}."
        self._find(
            path,
            "unknown_key",
            f"There is no rule {_dotted(path)}.",
            remedy,
            refusal="no_rule" if nearest else "no_rule_like",
            rules=", ".join(known),
            nearest=nearest[0] if nearest else "",
        )

    def _wrong(self, path: KeyPath, key: Key, value: Any, why: str) -> None:
        name = _dotted(path)
        text = why or f"{name} is {key.wants}; this is {_shown(value)}."
        self._find(
            path,
            "wrong_value",
            text,
            f"Write {name} = {key.example}, say.",
            refusal="wrong_times" if why else "wrong_rule",
            found=_written(value),
            example=key.example,
        )

    def contradictions(
        self, rules: MachineRules, gpus: KnownGpus | None, held: Collection[int | str]
    ) -> None:
        """What is well by itself, and not together."""
        self._gpu_list(rules, gpus, held)
        usable = _usable(rules, gpus)
        if usable is not None and 0 < rules.keep_free >= usable:
            self._find(
                ("keep_free",),
                "contradiction",
                f"keep_free is {rules.keep_free}, and Lanherd may use {usable} GPUs: "
                "no run would ever get one.",
                f"Keep {max(usable - 1, 0)} free at most, or let Lanherd use more in gpus.",
                refusal="keeps_all_free",
                keep_free=rules.keep_free,
                usable=usable,
                most=max(usable - 1, 0),
            )
        for name in SHARE_TABLES:
            left = None if usable is None else usable - rules.keep_free
            self._share_sums(name, getattr(rules, name), left)

    def _gpu_list(
        self, rules: MachineRules, gpus: KnownGpus | None, held: Collection[int | str]
    ) -> None:
        seen: set[str] = set()
        for gpu in rules.gpus or ():
            uuid = _uuid(gpu, gpus)
            if uuid in seen:
                text = f"gpus names GPU {gpu} twice."
                self._find(
                    ("gpus",),
                    "contradiction",
                    text,
                    "Name each GPU once.",
                    refusal="rule_gpu_twice",
                    gpu=gpu,
                )
            seen.add(uuid)
            if gpus is None or gpu in held or uuid in gpus.values():
                continue
            has = ", ".join(f"{i} ({known})" for i, known in gpus.items())
            self._find(
                ("gpus",),
                "unknown_gpu",
                f"This machine has no GPU {gpu}.",
                f"It has {has}.",
                refusal="rule_gpu_unknown",
                gpu=gpu,
                gpus=has,
            )

    def _share_sums(self, name: str, shares: Mapping[str, ShareRule], left: int | None) -> None:
        for who, share in shares.items():
            if share.gpus_max is not None and share.gpus_min > share.gpus_max:
                self._find(
                    (name, who, "gpus_min"),
                    "contradiction",
                    f"{_dotted((name, who))}: gpus_min is {share.gpus_min}, more than gpus_max, "
                    f"{share.gpus_max}.",
                    "Lower gpus_min, or raise gpus_max.",
                    refusal="min_above_max",
                    share=_dotted((name, who)),
                    gpus_min=share.gpus_min,
                    gpus_max=share.gpus_max,
                )
        total = sum(share.gpus_min for share in shares.values())
        if total and left is not None and total > left:
            last = [who for who, share in shares.items() if share.gpus_min][-1]
            self._find(
                (name, last, "gpus_min"),
                "contradiction",
                f"gpus_min of all {name} together is {total}, and Lanherd has {max(left, 0)} GPUs "
                "to give.",
                "Lower gpus_min, or keep_free.",
                refusal="mins_above_all",
                table=name,
                total=total,
                usable=max(left, 0),
            )

    def _find(
        self, path: KeyPath, code: str, text: str, remedy: str, **data: str | int | float
    ) -> None:
        key = _dotted(path)
        line = line_of(self._lines, path)
        self.findings.append(
            RuleFinding(line=line, key=key, code=code, text=text, remedy=remedy, data=data)
        )


def _usable(rules: MachineRules, gpus: KnownGpus | None) -> int | None:
    """How many GPUs Lanherd may use; None if nobody knows how many there are."""
    if rules.gpus is not None:
        return len({_uuid(gpu, gpus) for gpu in rules.gpus})
    return None if gpus is None else len(gpus)


def _uuid(gpu: int | str, gpus: KnownGpus | None) -> str:
    """The UUID of a GPU of the list; its index as text if that is nobody's."""
    return gpu if isinstance(gpu, str) else (gpus or {}).get(gpu, str(gpu))


def _dotted(path: KeyPath) -> str:
    return ".".join(
        name if re.fullmatch(r"[A-Za-z0-9_-]+", name) else '"' + name.replace('"', '\\"') + '"'
        for name in path
    )


def _shown(value: Any) -> str:
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, str):
        text = "".join(char if char.isprintable() else " " for char in value[:_SHOWN_CHARS])
        return f"the text '{text}{'…' if len(value) > _SHOWN_CHARS else ''}'"
    if isinstance(value, dict):
        return "a table"
    if isinstance(value, list):
        return "a list with " + (", ".join(map(_shown, value[:3])) or "nothing in it")
    return str(value)[:_SHOWN_CHARS]


def _written(value: Any) -> str:
    """A value about as its file writes it, which needs no language."""
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, str):
        text = "".join(char if char.isprintable() else " " for char in value[:_SHOWN_CHARS])
        return f'"{text}…"' if len(value) > _SHOWN_CHARS else f'"{text}"'
    if isinstance(value, dict):
        return "{…}" if value else "{}"
    if isinstance(value, list):
        return f"[{', '.join(map(_written, value[:3]))}{', …' if len(value) > 3 else ''}]"
    return str(value)[:_SHOWN_CHARS]
