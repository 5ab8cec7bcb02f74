"""The bounds within which a machine takes runs; one set for every machine."""

from msgspec import Struct

MIB = 1024 * 1024


class Rules(Struct, frozen=True, kw_only=True):
    """The machine-wide rules that the core and the placement keep to."""

    runs_at_once_max: int = 4096
    """What the agent itself can take; the owner's rules usually say less."""
    prepare_ahead_max: int = 8
    """Runs whose snapshot and environment are made ready at the same time, in queue order."""
    queued_runs_max: int = 100_000
    explained_max: int = 8
    """Runs at the head of the line that are told numbers; those behind are told their place."""
    explain_every_s: float = 1.0
    """How often the reason of a run that keeps waiting may be written again."""
    explain_step_bytes: int = 256 * MIB
    """A change of a number in a reason below this is noise and is not written."""
    exclusive_foreign_bytes_max: int = 1024 * MIB
    """Foreign use up to which a GPU still counts as free for an exclusive run (a display, say)."""
    undeclared_free_share: float = 0.5
    """Share of a GPU's VRAM that must be free for a run which declares none."""
    ended_kept: int = 1000
    """Ended runs that stay in memory; older ones are read from the store."""
    commands_kept: int = 10_000
    kill_again_s: float = 10.0
    """A run that outlives its SIGKILL (a lost signal, a process stuck in the kernel) gets more."""
    grace_s_max: float = 86_400.0
    log_bytes_max: int = 10 * 1024 * MIB
    """The cap of a log for which its run's spec names none."""
    low_disk_lifts_at: float = 1.1
    """Runs start again once there is this many times the free space below which they don't."""
