"""What is said of a GPU that takes no run, and of a run that uses more than it was promised."""

from msgspec.structs import replace

from lanherd_agent.core.reasons import NO_READINGS, gb, plural
from lanherd_protocol.values import Reason

_ASK = "Release it once it is mended: `lanherd uncordon MACHINE GPU`."
_AGAIN = "It is used again as soon as it can be read."


def xid(number: int, what: str) -> Reason:
    return Reason(
        code="cordon_xid",
        text=f"The driver reported Xid {number} for it: {what}.",
        data={"xid": number, "what": what},
        remedy=f"Reset the GPU or restart the machine, and look at its power and seat. {_ASK}",
    )


def ecc(errors: int, before: int) -> Reason:
    return Reason(
        code="cordon_ecc",
        text=f"Its memory had {plural(errors - before, 'error', 'errors')} that ECC could not "
        "correct.",
        data={"errors": errors, "new_errors": errors - before},
        remedy=f"Reset the GPU; if it happens again, have it replaced. {_ASK}",
    )


def unreadable(problem: str) -> Reason:
    """`problem` is the probe's sentence, or the end of one."""
    words = problem.lower()
    if "mismatch" in words or "was updated while" in words:
        return Reason(
            code="cordon_driver",
            text=f"Its driver and the driver's library don't fit each other: {problem}",
            data={"problem": problem},
            remedy="Restart the machine, so that the driver which is loaded is the one that is "
            f"installed. {_AGAIN}",
        )
    if "lost" in words or "bus" in words:
        return Reason(
            code="cordon_lost",
            text=f"The driver doesn't reach it any more: {problem}",
            data={"problem": problem},
            remedy=_AGAIN,
        )
    return Reason(
        code="cordon_unreadable",
        text=f"It can't be read: {problem}",
        data={"problem": problem},
        remedy=_AGAIN,
    )


def unread(problem: str | None) -> Reason:
    """For a run that waits for GPUs of which nothing is known yet; `problem` says why not."""
    if problem is None:
        return NO_READINGS
    return replace(
        NO_READINGS,
        text=f"The GPUs of this machine have not been read yet: {problem}",
        data={"problem": problem},
    )


def no_gpu(problem: str, gpus: int) -> Reason:
    """For the machine as a whole, whose GPUs all have the same problem: the driver's, mostly. 0: it
    isn't even known how many they are."""
    reason = unreadable(problem)
    if not gpus:
        return replace(reason, text=f"The machine's GPUs can't be used: {problem}")
    return replace(
        reason,
        text=f"None of the machine's GPUs ({gpus}) can be used: {problem}",
        data={**reason.data, "gpus": gpus},
    )


def failures(count: int, last: str) -> Reason:
    return Reason(
        code="cordon_failures",
        text=f"{plural(count, 'run', 'runs')} in a row failed on it, and hardly any on other GPUs.",
        data={"failures": count, "last": last},
        remedy=f"Look why they failed (`lanherd why`), and try the GPU by itself. {_ASK}",
    )


def by_person(who: str, why: str) -> Reason:
    return Reason(
        code="cordon_person",
        text=f"{who} closed it: {why}" if why else f"{who} closed it.",
        data={"by": who, "why": why},
        remedy=_ASK,
    )


def over_use(gpu: int | str, used_bytes: int, promised_bytes: int) -> Reason:
    """For a run that goes on."""
    return Reason(
        code="over_use",
        text=f"It holds {gb(used_bytes)} GB of GPU {gpu}, and was promised {gb(promised_bytes)}.",
        data={"gpu": gpu, "used_bytes": used_bytes, "promised_bytes": promised_bytes},
        remedy="Others may run out of VRAM for it. Declare what it needs.",
    )


def stopped_for_over_use(gpu: int | str, used_bytes: int, promised_bytes: int) -> Reason:
    return Reason(
        code="over_use_stopped",
        text=f"It held {gb(used_bytes)} GB of GPU {gpu}, was promised {gb(promised_bytes)}, and "
        "the rules of the machine stop such runs.",
        data={"gpu": gpu, "used_bytes": used_bytes, "promised_bytes": promised_bytes},
        remedy="Submit it with as much VRAM as it needs.",
    )
