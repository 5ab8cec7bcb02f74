"""A submit before it is taken: whole, within its bounds, and answerable."""

from collections.abc import AsyncIterable

from msgspec import Raw

from lanherd_agent.api.fitting import LISTING_BYTES_MAX, all_fit, encoded_size
from lanherd_protocol.codec import decode_body
from lanherd_protocol.errors import ErrorCode, LanherdError, error
from lanherd_protocol.limits import RUNS_PER_SUBMIT_MAX, SUBMIT_BYTES_MAX
from lanherd_protocol.messages import SubmitRuns

VIEW_BYTES_MAX = 768
"""What a view of a run that was just submitted holds beside the run's own description."""
ATTEMPT_BYTES_MAX = 2048
"""What the end of each earlier attempt adds to it, with the cause that its log showed."""
END_BYTES_MAX = 4096
"""What its own end adds, with the lines of the log too."""


async def read_submit(upload: AsyncIterable[bytes], size_bytes: int) -> SubmitRuns:
    """The submit in a stream, once it is there whole. Raises TOO_LARGE before it is read, and
    INVALID_REQUEST for what is no submit, or another size than was said."""
    if not 0 < size_bytes <= SUBMIT_BYTES_MAX:
        raise error(
            ErrorCode.TOO_LARGE,
            "The submit is too large.",
            f"It takes {size_bytes} bytes; one submit may have {SUBMIT_BYTES_MAX}.",
            "Send the runs in several submits.",
            size_bytes=size_bytes,
            size_bytes_max=SUBMIT_BYTES_MAX,
        )
    whole = bytearray()
    async for part in upload:
        whole += part
        if len(whole) > size_bytes:
            raise _other_size(size_bytes)
    if len(whole) < size_bytes:
        raise _other_size(size_bytes)
    return decode_body(SubmitRuns, Raw(bytes(whole)))


def check_submit(request: SubmitRuns) -> None:
    """Refuse what could be taken, but not told to anybody in one message."""
    if not 0 < len(request.runs) <= RUNS_PER_SUBMIT_MAX:
        raise error(
            ErrorCode.TOO_LARGE if request.runs else ErrorCode.INVALID_REQUEST,
            f"One submit takes 1 to {RUNS_PER_SUBMIT_MAX} runs.",
            f"This one holds {len(request.runs)}.",
            "Send them in several submits.",
            runs=len(request.runs),
            runs_max=RUNS_PER_SUBMIT_MAX,
        )
    for new in request.runs:
        attempts = END_BYTES_MAX + ATTEMPT_BYTES_MAX * (new.spec.retry.attempts_max - 1)
        own = encoded_size(new.spec) + encoded_size(new.settings) + VIEW_BYTES_MAX
        if own + attempts > LISTING_BYTES_MAX:
            raise _too_large(one=True)


def check_answer(request: SubmitRuns) -> None:
    """Refuse what one message can't answer."""
    if not all_fit(request.runs, lambda new: encoded_size(new) + VIEW_BYTES_MAX):
        raise _too_large(one=len(request.runs) == 1)


def _other_size(size_bytes: int) -> LanherdError:
    return error(
        ErrorCode.INVALID_REQUEST,
        "The submit is not whole.",
        f"It was to have {size_bytes} bytes, and has another number of them.",
        "Nothing of it was taken: send it again.",
        refusal="not_whole",
        size_bytes=size_bytes,
    )


def _too_large(*, one: bool) -> LanherdError:
    return error(
        ErrorCode.TOO_LARGE,
        "The run's description is too large." if one else "The submit is too large.",
        f"With all that is told of a run it would take more than {LISTING_BYTES_MAX} bytes.",
        "Put long texts into a file of the project." if one else "Send them in several submits.",
        refusal="large_run" if one else "large_submit",
        listing_bytes_max=LISTING_BYTES_MAX,
    )
