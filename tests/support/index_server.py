"""A package index on this machine (PEP 503), as good or as bad as a test wants it."""

import base64
import hashlib
import html
import ssl
import subprocess
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path


@dataclass
class Index:
    """`asked` are the paths that were asked for. While `hold` is not set, nothing is answered; a
    `status` other than 200 is answered to everything."""

    wheels: Path
    password: str = ""
    url: str = ""
    asked: list[str] = field(default_factory=list)
    hold: threading.Event = field(default_factory=threading.Event)
    status: int = 200

    def with_password(self, user: str, password: str) -> str:
        return self.url.replace("://", f"://{user}:{password}@")

    def answer(self, path: str, authorization: str | None) -> tuple[int, bytes]:
        self.asked.append(path)
        self.hold.wait()
        expected = "Basic " + base64.b64encode(f"lab:{self.password}".encode()).decode()
        if self.status != 200:
            return self.status, b"out of order"
        if self.password and authorization != expected:
            return 401, b"who are you"
        name = path.rstrip("/").rpartition("/")[2]
        if path.startswith("/files/"):
            file = self.wheels / name
            return (200, file.read_bytes()) if file.is_file() else (404, b"no such file")
        page = "".join(_links(self.wheels, name))
        return (200, f"<html><body>{page}</body></html>".encode()) if page else (404, b"no package")


class _Server(ThreadingHTTPServer):
    daemon_threads = True

    def __init__(self, index: Index) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.index = index

    def handle_error(self, request: object, client_address: object) -> None:
        """A client that goes away is no news."""


class _Handler(BaseHTTPRequestHandler):
    server: _Server

    def do_HEAD(self) -> None:
        self._answer()

    def do_GET(self) -> None:
        self.wfile.write(self._answer())

    def _answer(self) -> bytes:
        status, body = self.server.index.answer(self.path, self.headers.get("Authorization"))
        self.send_response(status)
        is_file = self.path.startswith("/files/")
        self.send_header("Content-Type", "text/plain" if is_file else "text/html")
        self.send_header("Content-Length", str(len(body)))
        if status == 401:
            self.send_header("WWW-Authenticate", 'Basic realm="wheels"')
        self.end_headers()
        return body

    def log_message(self, format: str, *arguments: object) -> None:
        """Says nothing: what was asked is in `asked`."""


@contextmanager
def index_server(
    wheels: Path, *, password: str = "", certificate: Path | None = None
) -> Iterator[Index]:
    """Serves the files of `wheels` at `<url>/<package>/`. `password` is that of the user `lab`."""
    index = Index(wheels, password)
    index.hold.set()
    server = _Server(index)
    scheme = "http"
    if certificate is not None:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(certificate)
        server.socket = context.wrap_socket(
            server.socket, server_side=True, do_handshake_on_connect=False
        )
        scheme = "https"
    index.url = f"{scheme}://127.0.0.1:{server.server_address[1]}/simple"
    thread = threading.Thread(target=server.serve_forever, name="index")
    thread.start()
    try:
        yield index
    finally:
        index.hold.set()
        server.shutdown()
        thread.join()
        server.server_close()


def _links(wheels: Path, package: str) -> Iterator[str]:
    for path in sorted(wheels.iterdir()):
        stem = path.name.partition("-")[0].replace("_", "-").lower()
        if path.is_file() and stem == package:
            digest = hashlib.sha256(path.read_bytes()).hexdigest()
            yield f'<a href="/files/{html.escape(path.name)}#sha256={digest}">{path.name}</a>'


def self_signed(folder: Path) -> Path:
    """A certificate that nobody vouches for, with its key in the same file."""
    path = folder / "index.pem"
    subprocess.run(
        ["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256",
         "-nodes", "-days", "2", "-subj", "/CN=127.0.0.1", "-addext", "subjectAltName=IP:127.0.0.1",
         "-keyout", str(path), "-out", str(folder / "only.pem")],
        check=True, capture_output=True,
    )  # fmt: skip
    with path.open("a") as file:
        file.write((folder / "only.pem").read_text())
    return path
