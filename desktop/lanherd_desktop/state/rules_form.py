"""A machine's rules as fields beside their text. The text is what is sent: a field only edits it,
so that what the owner wrote around the rules stays."""

import json
import re
import tomllib
from typing import Any, Final, Literal, NamedTuple

from lanherd_protocol.machine_rules import MachineRules
from lanherd_protocol.rules_check import KEYS, SHARE_TABLES
from lanherd_protocol.rules_edit import apply_edit, value_at, value_said

GroupName = Literal["gpus", "others", "ceilings", "hours", "faults", "order"]
ShareTable = Literal["users", "tags"]
_BARE: Final = re.compile(r"[A-Za-z0-9_-]+")


class RuleField(NamedTuple):
    key: str
    group: GroupName
    choices: tuple[str, ...] = ()
    """What may be chosen; none: it is written."""


FIELDS: Final = (
    RuleField("gpus", "gpus"),
    RuleField("keep_free", "gpus"),
    RuleField("strategy", "gpus", ("pack", "spread", "coolest", "most_free")),
    RuleField("exclusive_by_default", "gpus", ("true", "false")),
    RuleField("vram_share_max", "gpus"),
    RuleField("beside_others", "others", ("share", "wait")),
    RuleField("quiet_s", "others"),
    RuleField("temperature_c_max", "ceilings"),
    RuleField("power_w_max", "ceilings"),
    RuleField("runs_at_once_max", "ceilings"),
    RuleField("hours", "hours"),
    RuleField("over_use", "faults", ("warn", "stop")),
    RuleField("failures_max", "faults"),
    RuleField("failures_backoff_s", "faults"),
    RuleField("backfill", "order", ("true", "false")),
    RuleField("ageing_s", "order"),
    RuleField("fair_share", "order", ("true", "false")),
    RuleField("fair_share_half_life_s", "order"),
)
"""Every rule but the shares of users and tags, in the order of the form."""


class Share(NamedTuple):
    """What one user or tag may have; '' is no bound."""

    table: ShareTable
    name: str
    least: str
    most: str

    def key(self, bound: Literal["gpus_min", "gpus_max"]) -> str:
        return f"{share_key(self.table, self.name)}.{bound}"


def share_key(table: ShareTable, name: str) -> str:
    """The dotted key of a share, as TOML writes it."""
    return f"{table}.{name if _BARE.fullmatch(name) else json.dumps(name, ensure_ascii=False)}"


def is_toml(text: str) -> bool:
    """Whether single rules of it can be told apart, and changed."""
    try:
        tomllib.loads(text)
    except (ValueError, RecursionError):
        return False
    return True


def said_of(text: str, key: str) -> str:
    """What a rules file says under a key, as it is written into a field; '' if nothing."""
    return _said(value_at(text, key))


def _said(value: Any) -> str:
    if value is None or isinstance(value, dict):
        return ""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, list):
        if len(value) == 1 and isinstance(value[0], str):
            return value[0]
        if value and all(isinstance(one, int) for one in value):
            return ", ".join(map(str, value))
        return json.dumps(value, ensure_ascii=False, default=str)
    return str(value)


def default_of(key: str) -> str:
    """What holds where the file says nothing."""
    return _said(getattr(MachineRules(), key)) if key in KEYS else ""


def changed(text: str, key: str, said: str) -> str:
    """The text with one rule as a field says it; an empty field takes the rule away.

    Raises ValueError where it can't be changed by itself.
    """
    said = said.strip()
    return apply_edit(text, {key: value_said(key, said) if said else None})


def shares_of(text: str) -> tuple[Share, ...]:
    """The shares in the order of the file."""
    document = tomllib.loads(text)
    found: list[Share] = []
    for table in SHARE_TABLES:
        names = document.get(table)
        for name, share in names.items() if isinstance(names, dict) else ():
            if isinstance(share, dict):
                least, most = _said(share.get("gpus_min")), _said(share.get("gpus_max"))
                found.append(Share("users" if table == "users" else "tags", name, least, most))
    return tuple(found)


def without_share(text: str, share: Share) -> str:
    """The text without what it says of a user or tag."""
    bounds: tuple[Literal["gpus_min", "gpus_max"], ...] = ("gpus_min", "gpus_max")
    return apply_edit(text, {share.key(bound): None for bound in bounds})
