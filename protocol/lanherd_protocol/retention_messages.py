"""The bodies of the calls about retention. Append-only, as `messages.py` is."""

from msgspec import Struct

from lanherd_protocol.ids import CommandId
from lanherd_protocol.values import Removal, RetentionRules


class PutRetention(Struct, frozen=True, kw_only=True):
    command: CommandId
    rules: RetentionRules


class RetentionState(Struct, frozen=True, kw_only=True):
    """The rules, and what ended runs hold on the disk."""

    rules: RetentionRules
    size_bytes: int = 0
    runs: int = 0
    free_bytes: int | None = None


class PlanRetention(Struct, frozen=True, kw_only=True):
    """What would go now: by the machine's rules, or by these instead. Nothing is removed."""

    rules: RetentionRules | None = None


class ApplyRetention(Struct, frozen=True, kw_only=True):
    """Apply the machine's rules now, rather than when it is their time."""

    command: CommandId


class RetentionPlan(Struct, frozen=True, kw_only=True):
    """The removals, oldest first; `truncated` when there are more than are listed."""

    removals: tuple[Removal, ...] = ()
    size_bytes: int = 0
    runs: int = 0
    truncated: bool = False
