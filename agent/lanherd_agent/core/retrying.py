"""Whether a run gets another attempt, and when. No chance: the jitter is a hash of run and attempt,
so that the same history leads to the same times."""

from hashlib import sha256

from lanherd_protocol.ids import RunId
from lanherd_protocol.states import Ended
from lanherd_protocol.values import RetryRule


def is_tried_again(rule: RetryRule, attempt: int, ended: Ended) -> bool:
    """Whether the rule gives another attempt to a run whose attempt ended like this."""
    if attempt >= rule.attempts_max or ended.outcome not in rule.on:
        return False
    if ended.outcome != "failed" or not (rule.exit_codes or rule.signals):
        return True
    return ended.exit_code in rule.exit_codes or ended.signal in rule.signals


def backoff_s(rule: RetryRule, run: RunId, attempt: int) -> float:
    """How long the attempt after this one is put off."""
    grown = min(rule.backoff_s * rule.backoff_factor ** (attempt - 1), rule.backoff_s_max)
    return grown * (1 + rule.jitter * _share(run, attempt))


def _share(run: RunId, attempt: int) -> float:
    """A number from 0 to 1, as if by chance."""
    digest = sha256(f"{run}:{attempt}".encode()).digest()
    return int.from_bytes(digest[:6], "big") / (1 << 48)
