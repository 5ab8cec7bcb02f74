"""The launcher: a small process that parents the runs, so that they outlive the agent.

It is a zygote: for an attempt it forks itself (no exec, so no interpreter start), and the child
becomes the attempt's shim (shim.py), or it hands the attempt to a shim that has served another one
before (shim_pool.py). It outlives the agent: who connects next is told which
attempts are live, and the run directories know the rest. As a child subreaper it is the second
witness: when a shim is killed, its command becomes the launcher's child, and its exit is known.
When it has neither a live run nor an agent for a while, it ends.

On the socket (SOCK_SEQPACKET, JSON): requests {id, verb, ...} in; lists of replies {id, ...} and
events {event: live | exited, dir, ...} out. Run as `python -I -S launcher.py --socket PATH --lock
PATH --log PATH`; it detaches, and the exit status of the process that was started says how it
went: 0 listening, 3 another one holds the lock.
"""

from __future__ import annotations

import fcntl
import gc
import json
import os
import select
import signal
import socket
import sys
import time

TYPE_CHECKING = False  # `typing` would cost more memory than the rest of this file
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any, NoReturn

    from lanherd_agent.runs import cgroups, processes, shim
    from lanherd_agent.runs.launcher_socket import CONNECTIONS_MAX, Connection, is_own, listen
    from lanherd_agent.runs.orphans import Attempt, Orphans
    from lanherd_agent.runs.shim import Record
    from lanherd_agent.runs.shim_pool import ShimPool
else:
    sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))  # -I leaves it out
    import cgroups
    import processes
    import shim
    from launcher_socket import CONNECTIONS_MAX, Connection, is_own, listen
    from orphans import Attempt, Orphans
    from shim_pool import ShimPool

    del sys.path[0]

VERSION = 2
REQUEST_BYTES_MAX = 32 * 1024
DIRECTORY_CHARS_MAX = 1024
REQUESTS_PER_TURN = 64
REAPED_PER_TURN = 256  # in a storm there are always more
EXIT_LOCKED = 3
WAIT = {"kind": "wait", "errno": 0, "text": "another process has it as yet"}
PLACED_MAX = 3  # if its shim is killed each time before it could run
TROUBLE_S, TROUBLE_TOLD_S = 0.05, 10.0
SHIM_FIRST_S = 0.5  # a live shim kills at the end of a grace itself; this only if it can't


class Launcher:
    def __init__(self, listener: socket.socket, path: str, lock_fd: int, idle_s: float) -> None:
        self.listener, self.path, self.lock_fd, self.idle_s = listener, path, lock_fd, idle_s
        with open("/proc/sys/kernel/random/boot_id", encoding="ascii") as file:
            self.boot_id = file.read().strip()
        self.news_read, self.news_write = os.pipe()
        self.wake_read, self.wake_write = os.pipe()
        for fd in (self.news_read, self.wake_read, self.wake_write):
            os.set_blocking(fd, False)
        self.news = b""
        self.connections: dict[int, Connection] = {}
        self.attempts: dict[str, Attempt] = {}  # by directory, until ended
        self.queue: list[Attempt] = []  # those that have no shim yet
        self.shims: dict[int, Attempt] = {}  # by the shim's pid, until reaped; the last one's
        self.pool = ShimPool(self.run_shim, idle_s)
        self.poll = select.poll()
        self.orphans = Orphans(self.shims, self.end, self.poll, os.fsencode(path))
        self.cgroup_root, self.why_walk = "", ""
        try:
            self.cgroup_root = cgroups.prepare(os.environ.get("LANHERD_CGROUP", ""))
        except OSError as error:
            self.why_walk = error.strerror or str(error)
        self.bereaved: list[Attempt] = []  # whose shim was killed, and that can't be read now
        self.steps = (
            self.read_news, self.reap, self.look_again, self.place_queued, self.on_time,
            self.orphans.write_again,
        )  # fmt: skip
        self.draining = self.more_to_reap = self.troubled = False
        self.trouble_told_at = -TROUBLE_TOLD_S
        self.idle_since = time.monotonic()
        self.verbs = {
            "hello": self.on_hello,
            "start": self.on_start,
            "signal": self.on_signal,
            "adopt": self.on_adopt,
        }
        for fd in (listener.fileno(), self.news_read, self.wake_read):
            self.poll.register(fd, select.POLLIN)
        signal.set_wakeup_fd(self.wake_write, warn_on_full_buffer=False)
        signal.signal(signal.SIGCHLD, lambda *_: None)
        for signo in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
            signal.signal(signo, self.on_terminate)

    def on_terminate(self, *_: object) -> None:
        self.draining = True  # runs go on; a successor takes the socket over

    def run(self) -> None:
        while not self.finished():
            self.troubled = False
            self.surely(self.wait)
            for step in self.steps:
                self.surely(step)
            for orphan in list(self.orphans.by_command.values()):
                self.surely(self.orphans.look_after, orphan)
            for connection in list(self.connections.values()):
                self.surely(self.flush, connection)
            if self.troubled:
                time.sleep(TROUBLE_S)  # what failed may stay due: it is not tried at full speed

    def wait(self) -> None:
        for fd, _ in self.poll.poll(self.timeout_ms()):
            self.surely(self.on_readable, fd)

    def surely(self, step: Callable[..., None], *args: Any) -> None:
        """Too many open files, no memory, a mistake: the launcher and the other steps go on."""
        try:
            step(*args)
        except Exception as error:
            self.troubled = True
            self.say_trouble(error)

    def say_trouble(self, error: Exception) -> None:
        """Once in a while, where it happened with it: the log is not there to fill the disk."""
        now = time.monotonic()
        if now >= self.trouble_told_at + TROUBLE_TOLD_S:
            self.trouble_told_at = now
            places, trace = [], error.__traceback__
            while trace is not None:
                code = trace.tb_frame.f_code
                places.append(f"{code.co_name}:{trace.tb_lineno}")
                trace = trace.tb_next
            processes.say(f"the launcher goes on: {error!r} in {' '.join(places)}")

    def on_readable(self, fd: int) -> None:
        if fd == self.listener.fileno():
            self.accept()
        elif fd == self.wake_read:
            os.read(fd, 4096)
        elif fd in self.connections:
            self.receive(self.connections[fd])

    def flush(self, connection: Connection) -> None:
        if connection.flush():
            more = select.POLLOUT if connection.outbox else 0
            self.poll.modify(connection.sock.fileno(), select.POLLIN | more)
        else:
            self.drop(connection)

    def busy(self) -> bool:
        return len(self.shims) > len(self.pool.idle) or bool(
            self.orphans or self.queue or self.bereaved
        )

    def finished(self) -> bool:
        if self.busy() or (self.connections and not self.draining):
            self.idle_since = time.monotonic()
            return False
        return self.draining or time.monotonic() - self.idle_since >= self.idle_s

    def timeout_ms(self) -> float | None:
        now = time.monotonic()
        times = [a.kill_at for a in self.attempts.values() if a.kill_at is not None]
        times.append(self.orphans.next_time())
        if not (self.connections or self.busy()):
            times.append(self.idle_since + self.idle_s)
        if self.queue:
            times.append(self.pool.room_at())
        if self.more_to_reap:
            times.append(now)
        if self.bereaved:
            times.append(now + shim.RETRY_S)
        if (idle_end := self.pool.next_end()) is not None:
            times.append(idle_end)
        return max(0.0, min(times) - now) * 1000 + 1 if min(times) < float("inf") else None

    def on_time(self) -> None:
        now = time.monotonic()
        for attempt in list(self.attempts.values()):
            if attempt.kill_at is not None and attempt.kill_at <= now:
                attempt.kill_at = now + shim.RETRY_S
                self.surely(self.kill, attempt)
        self.pool.close_idle(at_once=self.draining)
        if self.draining and self.listener.fileno() >= 0:
            for connection in self.connections.values():
                connection.put({"event": "draining"})
            self.poll.unregister(self.listener.fileno())
            self.listener.close()
            unlink(self.path)
            os.close(self.lock_fd)

    def accept(self) -> None:
        try:
            sock, _ = self.listener.accept()
        except (BlockingIOError, ConnectionError):
            return
        if not is_own(sock) or len(self.connections) >= CONNECTIONS_MAX:
            sock.close()
            return
        sock.setblocking(False)
        self.connections[sock.fileno()] = Connection(sock)
        self.poll.register(sock.fileno(), select.POLLIN)

    def drop(self, connection: Connection) -> None:
        self.poll.unregister(connection.sock.fileno())
        del self.connections[connection.sock.fileno()]
        connection.sock.close()

    def receive(self, connection: Connection) -> None:
        for _ in range(REQUESTS_PER_TURN):
            try:
                data = connection.sock.recv(REQUEST_BYTES_MAX)
                if not data:
                    return self.drop(connection)
                request = json.loads(data)
                verb = self.verbs.get(request["verb"])
                error = shim.failure("verb", f"unknown verb {request['verb']}")
                reply = verb(connection, request) if verb else {"error": error}
                if reply is not None:
                    connection.put(reply | {"id": request["id"]})
            except BlockingIOError:
                return
            except Exception as error:  # whatever it says, or whatever failed at its request
                processes.say(f"a connection was dropped: {error!r}")
                return self.drop(connection)

    def on_hello(self, connection: Connection, request: Record) -> Record | None:
        for attempt in self.attempts.values():
            if attempt.start is not None:
                event = {"event": "live", "dir": attempt.directory}
                connection.put(event | {"start": attempt.start})
        kill = {"kill": "cgroup" if self.cgroup_root else "walk", "why_walk": self.why_walk}
        return {"version": VERSION, "pid": os.getpid(), "boot_id": self.boot_id} | kill

    def on_start(self, connection: Connection, request: Record) -> Record | None:
        directory = request["dir"]
        attempt = self.attempts.get(directory)
        if attempt is None and self.draining:
            return {"error": shim.failure("draining", "the launcher is ending")}
        if attempt is None:
            if not directory.startswith("/") or len(directory) > DIRECTORY_CHARS_MAX:
                return {"error": shim.failure("spec", "the directory's path is no usable one")}
            attempt = self.attempts[directory] = Attempt(directory, self.cgroup_root)
            self.queue.append(attempt)
        if attempt.start is not None:
            return {"started": attempt.start, "existing": True}
        attempt.waiting.append((connection, request["id"]))
        self.place_queued()
        return None

    def place_queued(self) -> None:
        while self.queue and not self.pool.room_at():
            attempt = self.queue.pop(0)
            try:
                attempt.shim_pid, forked = self.pool.place(attempt.directory, self.own_fds)
            except (OSError, MemoryError) as error:
                self.answer(attempt, {"error": shim.failure("fork", error)})
                self.forget(attempt)
            else:
                attempt.placed += 1
                self.shims[attempt.shim_pid] = attempt
                if shim.FAIL_POINTS:
                    shim.hit("launcher.forked" if forked else "launcher.placed")

    def run_shim(self, directory: str, channel: int, to_close: list[int]) -> NoReturn:
        shim.run_shim(directory, self.news_write, channel, self.boot_id, self.cgroup_root, to_close)

    def own_fds(self) -> list[int]:
        fds = [self.news_read, self.wake_read, self.wake_write, *self.connections]
        fds += self.orphans.own_fds()
        return fds if self.draining else [*fds, self.listener.fileno(), self.lock_fd]

    def on_signal(self, connection: Connection, request: Record) -> Record | None:
        attempt = self.attempts.get(request["dir"])
        signo, kill_after_s = int(request["signal"]), request.get("kill_after_s")
        if attempt is None or attempt.start is None or not 0 < signo < signal.NSIG:
            return {"error": shim.failure("not_running", "no such live attempt, or no such signal")}
        if kill_after_s is not None:
            has_shim = self.has_shim(attempt)
            kill_at = time.monotonic() + float(kill_after_s) + SHIM_FIRST_S * has_shim
            attempt.kill_at = min(kill_at, attempt.kill_at or kill_at)
            attempt.stopped = True
            if has_shim:
                processes.tell_stopping(attempt.shim_pid, float(kill_after_s))
        hurries = processes.hurry(True)  # else its own walk may take longer than the grace
        try:
            return {"signalled": processes.signal_all(self.tree(attempt), signo)}
        finally:
            if hurries:
                processes.hurry(False)

    def on_adopt(self, connection: Connection, request: Record) -> Record | None:
        """An attempt whose shim and launcher are both gone."""
        directory = request["dir"]
        attempt = self.attempts.get(directory)
        if attempt is not None:
            return {"started": attempt.start} if attempt.start is not None else {"error": WAIT}
        try:
            start, ended = shim.read_start_and_end(directory)
            if ended or start is None or start["boot_id"] != self.boot_id:
                return {"error": shim.failure("not_running", "it has ended, or never ran")}
            if processes.lives(start["shim_pid"], start["shim_start_time"]):
                last, idle = self.shims.get(start["shim_pid"]), start["shim_pid"] in self.pool.idle
                if last is None or (last.directory == directory and not idle):
                    return {"error": WAIT}
                return {"error": shim.failure("not_running", "its shim is done with it")}
            attempt = Attempt(directory, self.cgroup_root)
            self.orphans.adopt_stranger(attempt, start)
        except OSError as error:
            return {"error": shim.failure("io", error)}
        self.attempts[directory] = attempt
        return {"started": start}

    def has_shim(self, attempt: Attempt) -> bool:
        """One that was killed may not be reaped yet: in a storm of its own that takes a while."""
        if self.shims.get(attempt.shim_pid) is not attempt or attempt.start is None:
            return False
        return processes.lives(attempt.shim_pid, attempt.start["shim_start_time"])

    def tree(self, attempt: Attempt) -> dict[int, int]:
        """Start time, by pid, of each process of the attempt, its shim aside."""
        if not self.has_shim(attempt):
            return self.orphans.tree(attempt)
        inside = cgroups.members(attempt.folder) if attempt.folder else {}
        return inside | processes.descendants([attempt.shim_pid], processes.process_table())

    def kill(self, attempt: Attempt) -> None:
        if not self.has_shim(attempt):
            self.orphans.kill(attempt)
            return
        if attempt.folder:
            cgroups.kill(attempt.folder)
        processes.signal_all(self.tree(attempt), signal.SIGKILL)

    def read_news(self) -> None:
        data = b"first"
        while data:
            try:
                data = os.read(self.news_read, 65536)
            except BlockingIOError:
                return
            *lines, self.news = (self.news + data).split(b"\n")
            for line in lines:
                self.surely(self.on_news, line)

    def on_news(self, line: bytes) -> None:
        """The run directories know what a line says that can't be read, or comes too late."""
        news = json.loads(line)
        attempt = self.shims.get(news["shim"])
        if attempt is None:
            processes.say(f"news of no attempt: {line!r}")
        elif "started" in news:
            attempt.start = news["started"]
            self.answer(attempt, {"started": attempt.start, "existing": False})
        elif "exit" in news:
            self.end(attempt, news["exit"])
            if news["idle"]:
                self.pool.on_idle(news["shim"])
        elif news.get("existing"):
            self.answer(attempt, {"started": news["existing"], "existing": True})
            self.forget(attempt)
        else:
            torn = shim.failure("torn", "start.json is there, but torn: the attempt never ran")
            self.answer(attempt, {"error": news.get("refused", torn)})
            self.forget(attempt)

    def answer(self, attempt: Attempt, reply: Record) -> None:
        if shim.FAIL_POINTS:
            shim.hit("launcher.before_reply")
        for connection, request_id in attempt.waiting:
            connection.put(reply | {"id": request_id})
        attempt.waiting.clear()

    def forget(self, attempt: Attempt) -> None:
        attempt.ended = True
        self.attempts.pop(attempt.directory, None)

    def end(self, attempt: Attempt, exit_: Record | None) -> None:
        """Without `exit_`: it is told that there is an exit.json that no shim told of."""
        if attempt.start is None and exit_:  # it never ran: the news is the answer to its start
            self.answer(attempt, {"error": exit_["error"], "exit": exit_})
        else:
            for connection in self.connections.values():
                connection.put({"event": "exited", "dir": attempt.directory, "exit": exit_})
        self.forget(attempt)

    def reap(self) -> None:
        killed: dict[int, Attempt] = {}
        reaped = 0
        while reaped < REAPED_PER_TURN and (pid := processes.dead_child()):
            reaped += 1
            attempt = self.shims.get(pid)
            stat = processes.read_stat(pid) if attempt is None else None
            _, status, usage = os.wait4(pid, 0)
            if attempt is None:
                self.orphans.note(pid, stat[2] if stat is not None else 0, status, usage)
            else:
                self.pool.close(pid)
                killed[pid] = attempt
        self.more_to_reap = reaped == REAPED_PER_TURN
        if reaped:
            if shim.FAIL_POINTS:
                shim.hit("launcher.reaped")
            self.read_news()  # all that these shims had said
            for pid, attempt in killed.items():
                del self.shims[pid]
                if not attempt.ended:
                    self.surely(self.on_shim_killed, attempt)
            self.orphans.on_children_ended()

    def look_again(self) -> None:
        bereaved, self.bereaved = self.bereaved, []
        for attempt in bereaved:
            self.on_shim_killed(attempt)

    def on_shim_killed(self, attempt: Attempt) -> None:
        try:
            self.take_over(attempt)
        except OSError as error:
            self.say_trouble(error)
            self.bereaved.append(attempt)

    def take_over(self, attempt: Attempt) -> None:
        start, ended = shim.read_start_and_end(attempt.directory)
        if start is None:
            self.place_again(attempt)
        elif start["shim_pid"] != attempt.shim_pid:
            self.answer(attempt, {"started": start, "existing": True})  # another launcher's
            self.forget(attempt)
        else:
            if not ended:
                attempt.start = start
                self.orphans.adopt(attempt, start)
            if attempt.waiting:
                attempt.start = start
                self.answer(attempt, {"started": start, "existing": False})
            if ended:
                self.end(attempt, None)

    def place_again(self, attempt: Attempt) -> None:
        if attempt.placed < PLACED_MAX and shim.unclaim(attempt.directory):
            self.queue.insert(0, attempt)
            return
        text = "its shim was killed before the command could run"
        self.answer(attempt, {"error": shim.failure("shim_killed", text)})
        self.forget(attempt)


def main() -> int:
    os.closerange(3, 256)  # nothing of the one who starts it may reach the commands
    options = dict(zip(sys.argv[1::2], sys.argv[2::2], strict=True))
    os.umask(0o077)
    lock_fd = os.open(options["--lock"], os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW, 0o600)
    try:
        fcntl.flock(lock_fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return EXIT_LOCKED
    path = os.path.abspath(options["--socket"])
    log_fd = os.open(options["--log"], os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
    listener = listen(path)
    if os.fork():
        return 0
    os.dup2(os.open("/dev/null", os.O_RDWR), 0)
    os.dup2(0, 1)
    os.dup2(log_fd, 2)
    os.setsid()
    os.chdir("/")
    processes.become_subreaper()
    gc.collect()
    gc.freeze()
    launcher = Launcher(listener, path, lock_fd, float(options.get("--idle-s", "60")))
    launcher.run()
    if launcher.listener.fileno() >= 0:
        unlink(path)
    return 0


def unlink(path: str) -> None:
    try:
        os.unlink(path)
    except OSError:
        return  # its home was removed


if __name__ == "__main__":
    sys.exit(main())
