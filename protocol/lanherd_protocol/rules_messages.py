"""The bodies of the calls about a machine's rules. Append-only, as `messages.py` is."""

from msgspec import Struct

from lanherd_protocol.machine_rules import MachineRules


class RuleFinding(Struct, frozen=True, kw_only=True):
    """One thing that is wrong in a rules file: where, what, and what to write instead.

    `line` counts from 1. `key` is the dotted key; empty where the file can't be read as TOML.
    `code`: syntax, unreadable, unknown_key, wrong_value, contradiction or unknown_gpu.
    """

    line: int
    key: str
    code: str
    text: str
    remedy: str = ""
    data: dict[str, str | int | float] = {}


class RulesState(Struct, frozen=True, kw_only=True):
    """The rules file and what holds. `findings` say why the file is kept out; then `rules` are
    those of `last_good`, or the defaults if no file was ever good."""

    text: str
    text_hash: str
    """SHA-256 of `text`, for `PutRules.expected_hash`."""
    rules: MachineRules
    in_force_since: float
    findings: tuple[RuleFinding, ...] = ()
    last_good: str | None = None
    """The newest file that was taken."""


class PutRules(Struct, frozen=True, kw_only=True):
    """Replace the rules file. CONFLICT if it isn't the one any more that was looked at; None puts
    it whatever is there. INVALID_REQUEST, and nothing is changed, if anything is wrong with it."""

    text: str
    expected_hash: str | None = None


class CheckRules(Struct, frozen=True, kw_only=True):
    """What this machine would say of these rules; nothing is changed."""

    text: str


class RulesChecked(Struct, frozen=True, kw_only=True):
    """`rules` is None if there are findings."""

    rules: MachineRules | None = None
    findings: tuple[RuleFinding, ...] = ()
