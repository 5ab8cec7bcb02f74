"""The agent's doors with real sockets: who gets in, who doesn't, and what strangers can do."""

import asyncio
import errno
import socket
import ssl
import stat
import threading
from contextlib import suppress

import msgpack
import pytest

from lanherd_protocol import messages as m
from lanherd_protocol import methods
from lanherd_protocol.aio.connect import connect_tls, connect_unix
from lanherd_protocol.aio.identity import load_or_create_identity
from lanherd_protocol.aio.listener import Grant, Listener
from lanherd_protocol.aio.server import Caller
from lanherd_protocol.aio.tasks import TaskOwner
from lanherd_protocol.aio.tls import TlsLayer, client_context, server_context
from lanherd_protocol.codec import append_frame
from lanherd_protocol.errors import ErrorCode, LanherdError
from lanherd_protocol.handshake import local_hello
from lanherd_protocol.limits import CONTROL_FRAME_BYTES_MAX, STRANGERS_MAX

HERE = "127.0.0.1"
HAS = m.HasSnapshot(snapshot="a" * 64)


class Answering:
    def __init__(self):
        self.callers = []
        self.subscribed = asyncio.Queue()

    async def on_call(self, call):
        self.callers.append(call.caller)
        return m.SnapshotPresence(present=True)

    async def on_subscribe(self, subscription):
        self.subscribed.put_nowait(subscription)


class Room:
    """An agent that listens, a paired device, a stranger."""

    def __init__(self, folder):
        self.agent = load_or_create_identity(folder / "agent")
        self.device = load_or_create_identity(folder / "device")
        self.stranger = load_or_create_identity(folder / "stranger")
        self.grants = {self.device.device: Grant("operator", "ada")}
        self.dispatcher = Answering()
        self.listener = Listener(self.dispatcher, local_hello("agent", self.agent.device))
        self.socket_path = folder / "agent.sock"
        self.port = 0
        self.changed = asyncio.Event()

    async def open(self):
        self.port = await self.listener.listen_tls(
            [HERE], 0, self.agent, [self.device.certificate_pem], self.grants.get
        )
        await self.listener.listen_unix(self.socket_path)

    async def connect(self, identity=None, certificate=None, agent=None, **more):
        return await connect_tls(
            more.pop("addresses", [HERE]),
            more.pop("port", self.port),
            identity or self.device,
            certificate or self.agent.certificate_pem,
            agent or self.agent.device,
            more.pop("hello", local_hello("controller")),
            **more,
        )

    async def still_serves(self):
        peer = await self.connect()
        assert await peer.call(methods.SNAPSHOTS_HAS, HAS)
        await peer.close()

    async def raw_tls(self, alpn=(m.ALPN,), identity=None):
        identity = identity or self.device
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE
        context.load_cert_chain(identity.certificate_path, identity.key_path)
        if alpn:
            context.set_alpn_protocols(list(alpn))
        return await asyncio.open_connection(HERE, self.port, ssl=context)


@pytest.fixture
async def room(tmp_path):
    room = Room(tmp_path)
    await room.open()
    yield room
    await room.listener.close()


async def code_of(awaitable):
    with pytest.raises(LanherdError) as caught:
        await awaitable
    return caught.value.code


async def read_frames(reader):
    """Everything that is said until the end, decoded by the independent reader."""
    data = await reader.read()
    frames = []
    while data:
        size = int.from_bytes(data[:4], "big")
        frames.append(msgpack.unpackb(data[4 : 4 + size]))
        data = data[4 + size :]
    return frames


async def close_raw(writer):
    writer.close()
    try:
        await writer.wait_closed()
    except (OSError, ssl.SSLError):
        pass  # the other side was faster


# --- who gets in ---------------------------------------------------------------------------------


async def test_a_paired_device_is_served_as_who_it_is(room):
    peer = await room.connect()
    assert peer.remote_hello.role == "operator"
    assert peer.remote_hello.device == room.agent.device
    assert peer.address == HERE
    assert await peer.call(methods.SNAPSHOTS_HAS, HAS) == m.SnapshotPresence(present=True)
    [caller] = room.dispatcher.callers
    assert (caller.device, caller.role, caller.user) == (room.device.device, "operator", "ada")
    assert caller.channel == "tls"
    assert room.listener.callers == (caller,)
    await peer.close()


async def test_a_device_with_an_unknown_key_is_told_that_it_is_not_paired(room):
    with pytest.raises(LanherdError) as caught:
        await room.connect(identity=room.stranger)
    assert caught.value.code is ErrorCode.NOT_PAIRED
    assert "Pair it" in caught.value.failure.remedy
    assert room.listener.counters["not_paired"] == 1
    assert room.dispatcher.callers == []
    await room.still_serves()


async def test_a_device_without_a_certificate_does_not_get_in(room):
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    context.set_alpn_protocols([m.ALPN])
    reader, writer = await asyncio.open_connection(HERE, room.port, ssl=context)
    with pytest.raises(ssl.SSLError, match="CERTIFICATE_REQUIRED"):
        await reader.read()
    await close_raw(writer)
    assert room.listener.counters["not_paired"] == 1


async def test_a_device_paired_later_gets_in_without_a_restart(room):
    room.grants[room.stranger.device] = Grant("viewer", "bob")
    room.listener.add_anchor(room.stranger.certificate_pem)
    peer = await room.connect(identity=room.stranger)
    assert peer.remote_hello.role == "viewer"
    await peer.close()


def joined_layers(agent, device):
    """Both ends of one TLS connection, hands shaken."""
    near = TlsLayer(client_context(device, agent.certificate_pem), server_side=False)
    far = TlsLayer(server_context(agent, [device.certificate_pem]), server_side=True)
    near.start()
    while not (near.ready and far.ready):
        list(far.receive(near.take_outgoing()))
        list(near.receive(far.take_outgoing()))
    list(near.receive(far.take_outgoing()))
    return near, far


def test_two_connections_in_two_threads_never_read_into_each_others_bytes(tmp_path):
    agent, device = (load_or_create_identity(tmp_path / name) for name in ("agent", "device"))
    near, far = joined_layers(agent, device)
    other_near, other_far = joined_layers(agent, device)
    others = []

    def read_the_other():
        others.extend(bytes(part) for part in other_far.receive(other_near.seal(bytearray(b"22"))))

    for part in far.receive(near.seal(bytearray(b"11"))):
        thread = threading.Thread(target=read_the_other)
        thread.start()
        thread.join()
        assert bytes(part) == b"11"
    assert others == [b"22"]


async def test_a_revoked_device_is_cut_off_live_and_not_let_in_again(room):
    peer = await room.connect()
    del room.grants[room.device.device]
    assert room.listener.disconnect(room.stranger.device) == 0
    assert room.listener.disconnect(room.device.device) == 1
    failure = await peer.wait_closed()
    assert failure.code is ErrorCode.NOT_PAIRED
    assert await code_of(peer.call(methods.SNAPSHOTS_HAS, HAS)) is ErrorCode.NOT_PAIRED
    await peer.close()
    # Its certificate is still an anchor: it is the look-up that sends it away.
    assert await code_of(room.connect()) is ErrorCode.NOT_PAIRED
    assert room.listener.callers == ()


async def test_another_agent_at_the_address_is_not_spoken_to(room):
    wrong = room.stranger
    code = await code_of(room.connect(certificate=wrong.certificate_pem, agent=wrong.device))
    assert code is ErrorCode.WRONG_IDENTITY
    # The certificate alone does not do: the id is what was pinned.
    assert await code_of(room.connect(agent=wrong.device)) is ErrorCode.WRONG_IDENTITY
    assert room.listener.callers == ()


async def test_a_controller_of_another_version_is_told_who_is_to_upgrade(room):
    newer = m.Hello(7, 8, "9.0", name="controller")
    with pytest.raises(LanherdError) as caught:
        await room.connect(hello=newer)
    assert caught.value.code is ErrorCode.VERSION_MISMATCH
    assert caught.value.failure.data["upgrade"] == "agent"


async def test_an_address_that_leads_nowhere_does_not_hide_the_one_that_does(room):
    with socket.create_server((HERE, 0)) as silent, socket.create_server((HERE, 0)) as closed:
        port = closed.getsockname()[1]
        assert silent
    assert await code_of(room.connect(port=port)) is ErrorCode.UNREACHABLE
    peer = await room.connect(addresses=["127.0.0.2", HERE])
    assert peer.address == HERE
    await peer.close()
    assert await code_of(room.connect(addresses=[])) is ErrorCode.UNREACHABLE


async def test_a_machine_that_never_answers_is_given_up(room):
    with socket.create_server((HERE, 0)) as silent:
        code = await code_of(room.connect(port=silent.getsockname()[1], timeout_s=0.05))
    assert code is ErrorCode.TIMED_OUT


async def test_something_else_at_the_port_is_told_apart(room):
    async def talk(reader, writer):
        writer.write(b"SSH-2.0-OpenSSH_9.2\r\n")
        await reader.read()
        await close_raw(writer)

    server = await asyncio.start_server(talk, HERE, 0)
    async with server:
        port = server.sockets[0].getsockname()[1]
        assert await code_of(room.connect(port=port)) is ErrorCode.PROTOCOL_ERROR


# --- strangers -----------------------------------------------------------------------------------


@pytest.mark.parametrize("alpn", [(), ("h2", "http/1.1")])
async def test_a_wrong_alpn_is_closed_at_once(room, alpn):
    reader, writer = await room.raw_tls(alpn=alpn)
    [goodbye] = await read_frames(reader)
    assert goodbye[0] == "goodbye"
    assert goodbye[1]["code"] == "protocol_error"
    await close_raw(writer)
    assert room.listener.counters["wrong_alpn"] == 1
    await room.still_serves()


@pytest.mark.parametrize(
    "garbage", [b"GET / HTTP/1.1\r\nHost: x\r\n\r\n", b"\0" * 64, bytes(range(256)) * 64]
)
async def test_plain_text_and_garbage_are_closed_at_once(room, garbage):
    reader, writer = await asyncio.open_connection(HERE, room.port)
    writer.write(garbage)
    said = await reader.read()
    assert b"goodbye" not in said
    await close_raw(writer)
    assert room.listener.counters["tls_failed"] == 1
    await room.still_serves()


def framed(*frames):
    out = bytearray()
    for frame in frames:
        append_frame(out, frame)
    return bytes(out)


@pytest.mark.parametrize(
    ("data", "words"),
    [
        ((CONTROL_FRAME_BYTES_MAX + 1).to_bytes(4, "big"), "announced a frame"),
        ((0x8000_0000 | (2 << 20)).to_bytes(4, "big"), "announced a frame"),
        (b"\0\0\0\x0e" + msgpack.packb(["cancel", "seven"]), "cancel.id"),
        (b"\0\0\0\x01\xc1", "malformed"),
        (framed(m.Reply(1, b"\xc0")), "never sends"),
    ],
)
async def test_a_paired_device_that_sends_nonsense_is_told_so_and_closed(room, data, words):
    reader, writer = await room.raw_tls()
    writer.write(framed(local_hello()) + data)
    hello, goodbye = await read_frames(reader)
    assert hello[0] == "hello"
    assert goodbye[0] == "goodbye"
    assert goodbye[1]["code"] == "protocol_error"
    assert words in goodbye[1]["message"]
    await close_raw(writer)
    assert room.listener.counters["protocol_errors"] == 1
    await room.still_serves()


async def test_a_newer_controllers_unknown_frame_is_counted_and_refused_politely(room):
    reader, writer = await room.raw_tls()
    unknown = msgpack.packb(["teleport", 5])
    writer.write(framed(local_hello()) + len(unknown).to_bytes(4, "big") + unknown)
    writer.write(framed(m.Goodbye()))
    hello, failed = await read_frames(reader)
    assert hello[0] == "hello"
    assert failed[:2] == ["failed", 5]
    assert room.listener.counters["unknown_frames"] == 1
    await close_raw(writer)


async def test_silent_strangers_are_few_and_keep_nobody_out(room):
    raw = [await asyncio.open_connection(HERE, room.port) for _ in range(400)]
    async with asyncio.timeout(1):
        await room.still_serves()
    reader, _ = raw[0]  # the oldest is the first to go
    try:
        assert await reader.read() == b""
    except ConnectionResetError:
        pass  # dropped without a word, which may look so too
    assert room.listener.counters["strangers_refused"] >= 400 - STRANGERS_MAX
    for _, other in raw:
        await close_raw(other)


async def test_strangers_at_one_address_take_no_place_of_another(room):
    other, other_writer = await asyncio.open_connection(
        HERE, room.port, local_addr=("127.0.0.2", 0)
    )
    raw = [await asyncio.open_connection(HERE, room.port) for _ in range(STRANGERS_MAX * 2)]
    await room.still_serves()
    first, _ = raw[0]
    with suppress(ConnectionResetError):
        assert await first.read() == b""
    assert not other.at_eof()
    other_writer.write(b"GET / HTTP/1.1\r\n\r\n")
    with suppress(ConnectionResetError):
        await other.read()
    assert room.listener.counters["tls_failed"] == 1, "it was there to be heard"
    for _, writer in [*raw, (other, other_writer)]:
        await close_raw(writer)


async def test_a_stranger_that_says_nothing_is_not_waited_for(room, monkeypatch):
    monkeypatch.setattr("lanherd_protocol.aio.link.HELLO_TIMEOUT_S", 0.01)
    reader, writer = await asyncio.open_connection(HERE, room.port)
    try:
        assert await reader.read() == b""
    except ConnectionResetError:
        pass
    assert room.listener.counters["hello_timeout"] == 1
    await close_raw(writer)


async def test_a_device_that_never_says_hello_is_not_waited_for(room, monkeypatch):
    monkeypatch.setattr("lanherd_protocol.connection.HELLO_TIMEOUT_S", 0.01)
    reader, writer = await room.raw_tls()
    hello, goodbye = await read_frames(reader)
    assert hello[0] == "hello"
    assert goodbye[1]["code"] == "timed_out"
    assert room.listener.counters["hello_timeout"] == 1
    await close_raw(writer)


# --- the Unix socket, ports, closing -------------------------------------------------------------


async def test_the_agents_own_user_is_an_admin_on_its_socket(room):
    assert stat.S_IMODE(room.socket_path.stat().st_mode) == 0o600
    peer = await connect_unix(room.socket_path, local_hello("cli"))
    assert peer.remote_hello.role == "admin"
    assert await peer.call(methods.SNAPSHOTS_HAS, HAS)
    [caller] = room.dispatcher.callers
    assert isinstance(caller, Caller)
    assert (caller.channel, caller.device) == ("unix", "")
    assert caller.uid is not None
    await peer.close()


async def test_another_user_is_sent_away_from_the_socket(room, tmp_path):
    path = tmp_path / "other.sock"
    await room.listener.listen_unix(path, admit=lambda uid: None)
    assert await code_of(connect_unix(path, local_hello())) is ErrorCode.NOT_ALLOWED


async def test_a_socket_of_an_agent_that_is_gone_is_replaced(room, tmp_path):
    path = tmp_path / "old.sock"
    with socket.socket(socket.AF_UNIX) as old:
        old.bind(str(path))
    assert await code_of(connect_unix(path, local_hello())) is ErrorCode.UNREACHABLE
    await room.listener.listen_unix(path)
    peer = await connect_unix(path, local_hello())
    await peer.close()


async def test_a_socket_that_can_not_be_made_says_why(room, tmp_path):
    (tmp_path / "file").write_text("precious")
    with pytest.raises(LanherdError, match="isn't a socket"):
        await room.listener.listen_unix(tmp_path / "file")
    assert (tmp_path / "file").read_text() == "precious"
    with pytest.raises(LanherdError) as caught:
        await room.listener.listen_unix(tmp_path / ("long" * 40))
    assert caught.value.code is ErrorCode.HOME_UNUSABLE


async def test_where_the_port_is_taken_another_one_is(room):
    other = Listener(room.dispatcher, local_hello())
    port = await other.listen_tls([HERE, "127.0.0.2"], room.port, room.agent, [], room.grants.get)
    assert port != room.port
    await other.close()


async def test_an_address_of_another_machine_can_not_be_listened_on(room, monkeypatch):
    def refuse(addresses, port):
        raise OSError(errno.EADDRNOTAVAIL, "Cannot assign requested address")

    monkeypatch.setattr("lanherd_protocol.aio.listener._bind_each", refuse)
    other = Listener(room.dispatcher, local_hello())
    listening = other.listen_tls([HERE], 0, room.agent, [], room.grants.get)
    assert await code_of(listening) is ErrorCode.UNREACHABLE


async def test_an_agent_that_ends_says_goodbye(room):
    peer = await room.connect()
    async with peer.subscribe(methods.FEED_RUNS, m.Empty()) as feed:
        subscription = await room.dispatcher.subscribed.get()
        await room.listener.close()
        with pytest.raises(LanherdError) as caught:
            await anext(feed)
        assert caught.value.code is ErrorCode.SHUTTING_DOWN
        assert subscription.closed
    await peer.close()
    assert not room.socket_path.exists()
    assert await code_of(room.connect()) is ErrorCode.UNREACHABLE


async def test_a_connection_whose_other_side_is_gone_can_be_closed(room):
    """The goodbye itself is answered by a reset, before the event loop has heard of the end."""
    loop = asyncio.get_running_loop()
    with socket.create_server((HERE, 0)) as door, socket.socket() as onward:
        door.setblocking(False)
        onward.setblocking(False)
        connecting = loop.create_future()

        async def relay():
            inward, _ = await loop.sock_accept(door)
            await loop.sock_connect(onward, (HERE, room.port))
            connecting.set_result(inward)
            async with asyncio.TaskGroup() as pumps:
                pumps.create_task(pump(loop, inward, onward))
                pumps.create_task(pump(loop, onward, inward))

        async with TaskOwner("relay") as tasks:
            relaying = tasks.spawn(relay(), "relay")
            peer = await room.connect(port=door.getsockname()[1])
            relaying.cancel()
            await asyncio.wait([relaying])
            inward = await connecting
            inward.close()
            async with asyncio.timeout(5):
                await peer.close()


async def pump(loop, source, sink):
    while data := await loop.sock_recv(source, 65536):
        await loop.sock_sendall(sink, data)
