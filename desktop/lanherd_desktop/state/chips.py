"""The words of state that stand in chips: one per state that a person can tell apart."""

from enum import StrEnum


class ChipKind(StrEnum):
    WAITING = "waiting"
    PREPARING = "preparing"
    STARTING = "starting"
    RUNNING = "running"
    STOPPING = "stopping"
    SUCCEEDED = "succeeded"
    FAILED = "failed"
    CANCELLED = "cancelled"
    TIMED_OUT = "timed_out"
    LOST = "lost"
    UNREACHABLE = "unreachable"
    NOT_OURS = "not_ours"
    SIMULATED = "simulated"
    ORPHAN = "orphan"
    CLOSED = "closed"
