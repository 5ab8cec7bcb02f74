"""What no message can hold, told to whoever said it."""

import contextlib
from collections.abc import Iterator

from lanherd_protocol.errors import ErrorCode, error


@contextlib.contextmanager
def sendable() -> Iterator[None]:
    """For a block that encodes what a person or a script said. Raises `MisuseError`."""
    try:
        yield
    except UnicodeEncodeError as problem:
        # Not the text itself: it may be a secret.
        raise error(
            ErrorCode.INVALID_REQUEST,
            "A text is no UTF-8, and can't be sent.",
            f"Its character {problem.start + 1} stands for a byte of another encoding.",
            "Write it in UTF-8; put other bytes into a file of the project.",
        ) from None
    except OverflowError as problem:
        raise error(
            ErrorCode.INVALID_REQUEST,
            "A number can't be sent, since it is too large.",
            f"{problem}.",
            "Give a smaller one.",
        ) from problem
