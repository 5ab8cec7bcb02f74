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
    from typing import Any, NoReturn

    from lanherd_agent.runs import shim
    from lanherd_agent.runs.launcher_socket import CONNECTIONS_MAX, Connection, is_own, listen
    from lanherd_agent.runs.shim import Record
    from lanherd_agent.runs.shim_pool import ShimPool

    Reaped = dict[int, tuple[int, shim.Usage]]  # status and usage by pid
    OrphanEnd = tuple[float, int | None, shim.Usage | None, Record | None]  # at, status, ...
else:
    sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))  # -I leaves it out
    import shim
    from launcher_socket import CONNECTIONS_MAX, Connection, is_own, listen
    from shim_pool import ShimPool

    del sys.path[0]

VERSION = 1
REQUEST_BYTES_MAX = 32 * 1024
DIRECTORY_CHARS_MAX = 1024
REQUESTS_PER_TURN = 64
EXIT_LOCKED = 3


class Attempt:
    def __init__(self, directory: str) -> None:
        self.directory, self.shim_pid, self.forked = directory, 0, False
        self.start: Record | None = None
        self.waiting: list[tuple[Connection, Any]] = []
        self.ended = False
        self.kill_at: float | None = None
        self.orphan_end: OrphanEnd | None = None  # known, but the tree is not gone yet
        self.give_up_at = 0.0


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
        self.orphans: dict[int, Attempt] = {}  # by the command's pid: its shim was killed
        self.draining = False
        self.idle_since = time.monotonic()
        self.verbs = {"hello": self.on_hello, "start": self.on_start, "signal": self.on_signal}
        self.poll = select.poll()
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
            for fd, _ in self.poll.poll(self.timeout_ms()):
                if fd == self.listener.fileno():
                    self.accept()
                elif fd == self.wake_read:
                    os.read(fd, 4096)
                elif fd in self.connections:
                    self.receive(self.connections[fd])
            self.read_news()
            self.reap()
            self.place_queued()
            self.on_time()
            for fd, connection in list(self.connections.items()):
                if connection.flush():
                    more = select.POLLOUT if connection.outbox else 0
                    self.poll.modify(fd, select.POLLIN | more)
                else:
                    self.drop(connection)

    def busy(self) -> bool:
        return len(self.shims) > len(self.pool.idle) or bool(self.orphans or self.queue)

    def finished(self) -> bool:
        if self.busy() or (self.connections and not self.draining):
            self.idle_since = time.monotonic()
            return False
        return self.draining or time.monotonic() - self.idle_since >= self.idle_s

    def timeout_ms(self) -> float | None:
        now = time.monotonic()
        times = [a.kill_at for a in self.attempts.values() if a.kill_at is not None]
        if any(attempt.orphan_end is not None for attempt in self.orphans.values()):
            times.append(now + shim.SWEEP_S)
        if not (self.connections or self.busy()):
            times.append(self.idle_since + self.idle_s)
        if self.queue:
            times.append(self.pool.room_at())
        if (idle_end := self.pool.next_end()) is not None:
            times.append(idle_end)
        return max(0.0, min(times) - now) * 1000 + 1 if times else None

    def on_time(self) -> None:
        now = time.monotonic()
        for attempt in list(self.attempts.values()):
            if attempt.kill_at is not None and attempt.kill_at <= now:
                shim.signal_all(self.tree(attempt), signal.SIGKILL)
                attempt.kill_at = now + shim.RETRY_S
        self.pool.close_idle(at_once=self.draining)
        if self.draining and self.listener.fileno() >= 0:
            self.poll.unregister(self.listener.fileno())
            self.listener.close()
            os.unlink(self.path)
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
            except BlockingIOError:
                return
            except (ConnectionError, ValueError, KeyError, TypeError) as error:
                print(f"a connection was dropped: {error!r}", file=sys.stderr, flush=True)
                return self.drop(connection)
            if reply is not None:
                connection.put(reply | {"id": request["id"]})

    def on_hello(self, connection: Connection, request: Record) -> Record | None:
        for attempt in self.attempts.values():
            if attempt.start is not None:
                event = {"event": "live", "dir": attempt.directory}
                connection.put(event | {"start": attempt.start})
        return {"version": VERSION, "pid": os.getpid(), "boot_id": self.boot_id}

    def on_start(self, connection: Connection, request: Record) -> Record | None:
        directory = request["dir"]
        attempt = self.attempts.get(directory)
        if attempt is None and self.draining:
            return {"error": shim.failure("draining", "the launcher is ending")}
        if attempt is None:
            if not directory.startswith("/") or len(directory) > DIRECTORY_CHARS_MAX:
                return {"error": shim.failure("spec", "the directory's path is no usable one")}
            attempt = self.attempts[directory] = Attempt(directory)
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
                attempt.shim_pid, attempt.forked = self.pool.place(
                    attempt.directory, self.own_fds()
                )
            except OSError as error:
                self.answer(attempt, {"error": shim.failure("fork", error)})
                self.forget(attempt)
            else:
                self.shims[attempt.shim_pid] = attempt

    def run_shim(self, directory: str, channel: int, to_close: list[int]) -> NoReturn:
        shim.run_shim(directory, self.news_write, channel, self.boot_id, to_close)

    def own_fds(self) -> list[int]:
        fds = [self.news_read, self.wake_read, self.wake_write, *self.connections]
        return fds if self.draining else [*fds, self.listener.fileno(), self.lock_fd]

    def on_signal(self, connection: Connection, request: Record) -> Record | None:
        attempt = self.attempts.get(request["dir"])
        signo, kill_after_s = int(request["signal"]), request.get("kill_after_s")
        if attempt is None or attempt.start is None or not 0 < signo < signal.NSIG:
            return {"error": shim.failure("not_running", "no such live attempt, or no such signal")}
        if kill_after_s is not None:
            attempt.kill_at = time.monotonic() + float(kill_after_s)
            shim.send_signal(attempt.shim_pid, attempt.start["shim_start_time"], shim.STOPPING)
        return {"signalled": shim.signal_all(self.tree(attempt), signo)}

    def tree(self, attempt: Attempt) -> dict[int, int]:
        """Start time, by pid, of each process of the attempt, its shim aside."""
        table = shim.process_table()
        if self.shims.get(attempt.shim_pid) is attempt:
            return shim.descendants([attempt.shim_pid], table)
        assert attempt.start is not None
        alone = len(self.orphans) == 1 and not shim.dead_child_waits()
        orphans = [pid for pid in shim.children(table) if pid not in self.shims]
        if not alone:  # unmarked ones, with an environment of their own, die with the last orphan
            orphans = shim.of_attempt(orphans, table, attempt.directory, attempt.start["pid"])
        return {pid: table[pid][2] for pid in orphans} | shim.descendants(orphans, table)

    def read_news(self) -> None:
        data = b"first"
        while data:
            try:
                data = os.read(self.news_read, 65536)
            except BlockingIOError:
                return
            *lines, self.news = (self.news + data).split(b"\n")
            for line in lines:
                self.on_news(json.loads(line))

    def on_news(self, news: Record) -> None:
        attempt = self.shims[news["shim"]]
        if "started" in news:
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
        reaped: Reaped = {}
        try:
            while (child := os.wait4(-1, os.WNOHANG))[0]:
                reaped[child[0]] = child[1], child[2]
        except ChildProcessError:
            pass  # none left
        if reaped:
            self.read_news()  # all that these shims had said
        for pid in reaped:
            self.pool.close(pid)
            attempt = self.shims.pop(pid, None)
            if attempt is not None and not attempt.ended:
                self.on_shim_killed(attempt, reaped)
        for pid, (status, usage) in reaped.items():
            if pid in self.orphans and self.orphans[pid].orphan_end is None:
                self.on_orphan_ended(self.orphans[pid], status, usage, None)
        for attempt in list(self.orphans.values()):
            if attempt.orphan_end is not None:
                self.sweep(attempt, attempt.orphan_end)

    def on_shim_killed(self, attempt: Attempt, reaped: Reaped) -> None:
        start, ended = shim.read_start_and_end(attempt.directory)
        if start is None or start["shim_pid"] != attempt.shim_pid:
            if start is None and not attempt.forked:  # killed as it was handed over
                self.queue.insert(0, attempt)
                return
            text = "its shim was killed before the command could run"
            self.answer(attempt, {"error": shim.failure("shim_killed", text)})
            self.forget(attempt)
            return
        if attempt.start is None:
            attempt.start = start
            self.answer(attempt, {"started": start, "existing": False})
        if ended:
            self.end(attempt, None)
            return
        command = start["pid"]  # 0: killed in the act of starting it
        self.orphans[command or -attempt.shim_pid] = attempt
        stat = shim.read_stat(command) if command else None
        ours = stat is not None and (stat[0], stat[2]) == (os.getpid(), start["start_time"])
        if command not in reaped and not ours:
            text = "its shim was killed, and took the command's exit with it"
            self.on_orphan_ended(attempt, None, None, shim.failure("unknown", text))

    def on_orphan_ended(
        self, attempt: Attempt, status: int | None, usage: shim.Usage | None, error: Record | None
    ) -> None:
        attempt.orphan_end = time.time(), status, usage, error
        attempt.give_up_at = (attempt.kill_at or time.monotonic()) + shim.TREE_KILL_S_MAX

    def sweep(self, attempt: Attempt, ended: OrphanEnd) -> None:
        """Ends an orphan's tree, then writes its exit down."""
        left = self.tree(attempt)
        if shim.dead_child_waits():
            return  # it may be a shim: whose children these are is known after the next reap
        if not (attempt.kill_at and attempt.kill_at > time.monotonic()):
            shim.signal_all(left, signal.SIGKILL)
        if left and time.monotonic() < attempt.give_up_at:
            return
        record = shim.exit_record(b"launcher", *ended, len(left))
        try:
            dir_fd = shim.open_directory(attempt.directory)
            shim.write_exit(dir_fd, record)
            os.close(dir_fd)
        except OSError as error:
            print(f"{attempt.directory}: no exit.json: {error}", file=sys.stderr, flush=True)
        self.end(attempt, json.loads(record))
        self.orphans = {pid: other for pid, other in self.orphans.items() if other is not attempt}


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
    shim.become_subreaper()
    gc.collect()
    gc.freeze()
    launcher = Launcher(listener, path, lock_fd, float(options.get("--idle-s", "60")))
    launcher.run()
    if launcher.listener.fileno() >= 0:
        os.unlink(path)
    return 0


if __name__ == "__main__":
    sys.exit(main())
