"""A job for tests: it does what its command line says, and writes the truth of it down elsewhere.

    python -I -S fake_job.py --seconds 3 --rate 100000 --exit 0 --leave plain:2,session:1

Stdlib only and quick to start. It takes the order of its options for nothing: first it is marked
as started, then it leaves children, then it prints until its time is over, then it ends.

The truth is in `--truth DIR` (or $FAKE_JOB_TRUTH), outside of the run's directory, so that an audit
can hold the run's records against it (tests/support/job_truth.py reads it):
    RUN-ATTEMPT.jsonl    `started`, `told` (of a signal), `ending` (with what it is about to do)
    RUN-ATTEMPT.counts   bytes that it meant to print, and has printed, on stdout and on stderr: in
                         shared memory, so that they are right even if it is killed meanwhile

What it prints are numbered lines with a checksum that knows the attempt and the stream, so that a
lost, doubled, torn or strayed byte is found.
"""

from __future__ import annotations

if __name__ == "__main__":
    # SIGINT as if there were no Python, before the rest is loaded: in the middle of that it would
    # be printed as a traceback. Not even `signal` is loaded yet.
    __import__("_signal").signal(2, 0)

import argparse
import json
import mmap
import os
import signal
import struct
import sys
import time
import zlib

# Enough for any test, and never enough to hurt the machine that runs it.
SECONDS_MAX = 3600.0
CHILDREN_MAX = 500
DISK_BYTES_MAX = 8 << 30
MEMORY_BYTES_MAX = 4 << 30
LEFT_FOR_S = 600.0
TICK_S = 0.02
BATCH_BYTES = 64 * 1024
COUNTS = struct.Struct("<4Q")
STREAMS = {"o": 1, "e": 2}
SLEEP = "import sys, time; time.sleep(float(sys.argv[1]))"


# --- What it prints ------------------------------------------------------------------------------


def line(key: str, stream: str, number: int, size: int) -> bytes:
    """Line `number` of this stream of the attempt `key`: `size` bytes with its line feed."""
    head = f"{stream} {number:010d} ".encode()
    body = head + b"." * max(size - len(head) - 10, 0)
    return b"%b %08x\n" % (body, zlib.crc32(body, zlib.crc32(key.encode())))


class Printer:
    """One stream. The counts say how far it was meant to be, and surely is, at any moment."""

    def __init__(self, key: str, stream: str, size: int, counts: mmap.mmap | None) -> None:
        self.key, self.stream, self.size, self.counts = key, stream, size, counts
        self.number = self.printed = 0

    def print(self, bytes_wanted: int) -> None:
        """Whole lines, one write for many of them, until so many bytes are out."""
        while self.printed < bytes_wanted:
            lines = []
            planned = self.printed
            while planned < min(bytes_wanted, self.printed + BATCH_BYTES):
                lines.append(line(self.key, self.stream, self.number, self.size))
                self.number += 1
                planned += len(lines[-1])
            self._count(0, planned)
            self._write(b"".join(lines))
            self._count(1, planned)
            self.printed = planned

    def _write(self, data: bytes) -> None:
        while data:
            data = data[os.write(STREAMS[self.stream], data) :]

    def _count(self, which: int, value: int) -> None:
        if self.counts is not None:
            at = 8 * (2 * (STREAMS[self.stream] - 1) + which)
            self.counts[at : at + 8] = struct.pack("<Q", value)


# --- The truth -----------------------------------------------------------------------------------


class Truth:
    """What really happened, told where no agent writes."""

    def __init__(self, folder: str, name: str) -> None:
        self.file = self.counts = None
        if folder:
            flags = os.O_WRONLY | os.O_CREAT | os.O_APPEND
            self.file = os.open(f"{folder}/{name}.jsonl", flags, 0o600)
            fd = os.open(f"{folder}/{name}.counts", os.O_RDWR | os.O_CREAT, 0o600)
            os.ftruncate(fd, COUNTS.size)
            self.counts = mmap.mmap(fd, COUNTS.size)
            os.close(fd)

    def tell(self, event: str, **more: object) -> None:
        if self.file is not None:
            told = {"event": event, "pid": os.getpid(), "at": time.time(), **more}
            os.write(self.file, json.dumps(told).encode() + b"\n")


# --- What it leaves behind -----------------------------------------------------------------------


def linger(seconds: float) -> None:
    """A child's life; it never returns into the job."""
    for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
        if signal.getsignal(number) is not signal.SIG_IGN:
            signal.signal(number, signal.SIG_DFL)
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        time.sleep(max(end - time.monotonic(), 0.0))
    os._exit(0)


def leave_plain(seconds: float) -> None:
    if os.fork() == 0:
        linger(seconds)


def leave_session(seconds: float) -> None:
    if os.fork() == 0:
        os.setsid()
        linger(seconds)


def leave_double(seconds: float) -> None:
    """As daemons do: the grandchild's parent is gone, and the session is its own."""
    child = os.fork()
    if child == 0:
        os.setsid()
        if os.fork() == 0:
            linger(seconds)
        os._exit(0)
    os.waitpid(child, 0)


def leave_deaf(seconds: float) -> None:
    if os.fork() == 0:
        for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
            signal.signal(number, signal.SIG_IGN)
        linger(seconds)


def leave_stopped(seconds: float) -> None:
    if os.fork() == 0:
        os.kill(os.getpid(), signal.SIGSTOP)
        linger(seconds)


def leave_clean(seconds: float) -> None:
    """Another program in a session of its own, with nothing of our environment."""
    if os.fork() == 0:
        os.setsid()
        words = [sys.executable, "-I", "-S", "-c", SLEEP, str(seconds)]
        # Only so that a test can tell it from another test's.
        words.append(os.environ.get("FAKE_JOB_TRUTH", ""))
        os.execve(sys.executable, words, {})


LEAVING = {
    "plain": leave_plain,
    "session": leave_session,
    "double": leave_double,
    "deaf": leave_deaf,
    "stopped": leave_stopped,
    "clean": leave_clean,
}


def storm(lines: int, seconds: float) -> None:
    """Each of these lines is one process that forks its successor and ends, again and again, in a
    session of its own: whoever looks for it sees a process that is gone by then."""
    end = time.monotonic() + seconds
    for _ in range(lines):
        if os.fork() == 0:
            while time.monotonic() < end:
                if os.fork():
                    os._exit(0)
                os.setsid()
                time.sleep(TICK_S / 4)
            os._exit(0)


# --- The job -------------------------------------------------------------------------------------


class Job:
    def __init__(self, options: argparse.Namespace) -> None:
        self.options = options
        run = os.environ.get("LANHERD_RUN_ID", "none")
        self.attempt = int(os.environ.get("LANHERD_ATTEMPT", "1"))
        self.key = f"{run}-{self.attempt}"
        self.truth = Truth(options.truth, self.key)
        self.outputs = os.environ.get("LANHERD_OUTPUTS", ".")
        self.ended = False
        self.began = time.monotonic()

    def main(self) -> None:
        options = self.options
        self.truth.tell("started", parent=os.getppid(), gpus=os.environ.get("CUDA_VISIBLE_DEVICES"))
        self.set_signals()
        for kind, count in options.leave:
            for _ in range(count):
                LEAVING[kind](options.left_for)
        if options.storm:
            storm(options.storm, options.storm_for)
        held = bytearray(os.urandom(4096)) * (options.fill_memory // 4096)
        self.fill_disk(options.fill_disk)
        self.write_outputs(options.outputs)
        if options.ready:
            os.close(os.open(options.ready, os.O_WRONLY | os.O_CREAT, 0o600))
        if options.stop_self:
            os.kill(os.getpid(), signal.SIGSTOP)
        self.print_until_over()
        del held
        self.end(*self.meant_end())

    def set_signals(self) -> None:
        signal.signal(signal.SIGINT, signal.SIG_DFL)  # Python would print a traceback
        for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
            if self.options.on_term == "ignore":
                signal.signal(number, lambda number, _: self.truth.tell("told", signal=number))
            elif self.options.on_term == "save":
                signal.signal(number, self.save)

    def save(self, number: int, _: object) -> None:
        """As a training does that is told to stop: it takes a while, and then it ends well."""
        self.truth.tell("told", signal=int(number))
        end = time.monotonic() + self.options.save_s
        step = 0
        while time.monotonic() < end:
            self.write_output(f"checkpoint-{step}", 4096)
            step += 1
            time.sleep(min(TICK_S, max(end - time.monotonic(), 0.0)))
        self.end(self.options.save_exit, None)

    def print_until_over(self) -> None:
        options = self.options
        counts = self.truth.counts
        streams = (
            (Printer(self.key, "o", options.line_bytes, counts), options.rate, options.bytes),
            (Printer(self.key, "e", options.line_bytes, counts), options.err_rate, 0),
        )
        while True:
            passed = time.monotonic() - self.began
            over = self.is_over(passed)
            for printer, rate, at_least in streams:
                printer.print(max(at_least, int(rate * min(passed, options.seconds))))
            if over:
                return
            time.sleep(min(TICK_S, max(options.seconds - passed, 0.001)))

    def is_over(self, passed: float) -> bool:
        until = self.options.until
        return passed >= self.options.seconds or bool(until and os.path.exists(until))

    def meant_end(self) -> tuple[int | None, int | None]:
        if self.options.die:
            return None, int(signal.Signals[f"SIG{self.options.die}"])
        codes = self.options.exit
        return codes[min(self.attempt, len(codes)) - 1], None

    def end(self, code: int | None, number: int | None) -> None:
        if self.ended:
            return  # told to stop while it was ending
        self.ended = True
        self.truth.tell("ending", code=code, signal=number)
        if number is None:
            os._exit(code or 0)
        signal.signal(number, signal.SIG_DFL) if number != signal.SIGKILL else None
        os.kill(os.getpid(), number)

    def fill_disk(self, size: int) -> None:
        if not size:
            return
        with open(f"{self.outputs}/fill", "wb") as file:
            while size > 0:
                size -= file.write(b"\xa5" * min(size, 1 << 20))

    def write_outputs(self, count: int) -> None:
        for number in range(count):
            self.write_output(f"output-{number}", 1000 * (number + 1))

    def write_output(self, name: str, size: int) -> None:
        temporary = f"{self.outputs}/.{name}"
        with open(temporary, "wb") as file:
            file.write(self.key.encode().ljust(size, b"."))
        os.rename(temporary, f"{self.outputs}/{name}")


# --- Its command line ----------------------------------------------------------------------------


def command(*options: str | int | float) -> tuple[str, ...]:
    """The words that run this job with these options."""
    return (sys.executable, "-I", "-S", os.path.abspath(__file__), *map(str, options))


def left(text: str) -> list[tuple[str, int]]:
    """`plain:2,session` → [("plain", 2), ("session", 1)]."""
    kinds = [part.partition(":") for part in text.split(",") if part]
    found = [(kind, int(count or "1")) for kind, _, count in kinds]
    if unknown := [kind for kind, _ in found if kind not in LEAVING]:
        raise argparse.ArgumentTypeError(f"{unknown[0]!r} is none of {', '.join(LEAVING)}")
    if sum(count for _, count in found) > CHILDREN_MAX:
        raise argparse.ArgumentTypeError(f"at most {CHILDREN_MAX} children are left")
    return found


def codes(text: str) -> list[int]:
    return [int(part) for part in text.split(",")]


def parse(words: list[str]) -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    add = parser.add_argument
    add("--seconds", type=float, default=0.0, help="how long it lives")
    add("--until", default="", help="or until this file is there, whichever comes first")
    add("--ready", default="", help="a file that it makes when all is set up")
    add("--exit", type=codes, default=[0], help="exit code; 1,1,0: that of each attempt")
    add("--die", default="", metavar="NAME", help="end by this signal instead, as in KILL")
    add("--rate", type=float, default=0.0, help="bytes a second on stdout")
    add("--err-rate", type=float, default=0.0, help="bytes a second on stderr")
    add("--bytes", type=int, default=0, help="bytes on stdout at once")
    add("--line-bytes", type=int, default=100)
    add("--on-term", choices=("die", "ignore", "save"), default="die", help="TERM, INT and HUP")
    add("--save-s", type=float, default=0.2, help="how long saving takes")
    add("--save-exit", type=int, default=0)
    add("--leave", type=left, default=[], help=f"children left behind: {','.join(LEAVING)}")
    add("--left-for", type=float, default=LEFT_FOR_S)
    add("--storm", type=int, default=0, help="processes that fork their successors")
    add("--storm-for", type=float, default=5.0)
    add("--stop-self", action="store_true", help="SIGSTOP to itself before it prints")
    add("--fill-disk", type=int, default=0, metavar="BYTES")
    add("--fill-memory", type=int, default=0, metavar="BYTES")
    add("--outputs", type=int, default=0, metavar="COUNT")
    add("--truth", default=os.environ.get("FAKE_JOB_TRUTH", ""), metavar="DIR")
    options = parser.parse_args(words)
    options.seconds = min(options.seconds if not options.until else SECONDS_MAX, SECONDS_MAX)
    options.left_for = min(options.left_for, LEFT_FOR_S)
    options.storm = min(options.storm, CHILDREN_MAX)
    options.storm_for = min(options.storm_for, 60.0)
    options.fill_disk = min(options.fill_disk, DISK_BYTES_MAX)
    options.fill_memory = min(options.fill_memory, MEMORY_BYTES_MAX)
    return options


if __name__ == "__main__":
    Job(parse(sys.argv[1:])).main()
