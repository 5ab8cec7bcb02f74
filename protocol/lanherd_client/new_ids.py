"""Fresh ids of runs and commands: made here, so that what is sent again is known again."""

import os
import time

from lanherd_protocol.ids import RANDOM_BYTES_PER_ID, uuid7


def new_id() -> str:
    """A fresh UUIDv7."""
    return uuid7(time.time_ns() // 1_000_000, os.urandom(RANDOM_BYTES_PER_ID))
