"""Headers over HTTP, against a server on the loopback that behaves well or badly."""

import re
import threading
from collections.abc import Iterator
from contextlib import suppress
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest

from gguf_bytes import STRING, U32, Writer, small_file
from launcher.core.errors import LauncherError
from launcher.core.header import HeaderError
from launcher.edges.headers.url import Access, UrlReader, file_url

WRITE = Writer()
BIG = WRITE.file(
    [
        WRITE.pair("general.architecture", STRING, "llama"),
        WRITE.array("tokenizer.ggml.tokens", STRING, ("x" * 100 for _ in range(30_000))),
    ],
    [WRITE.tensor("t", [1 << 24], 0, 0)],
    data=1 << 26,
)


def split(number: int) -> bytes:
    pairs = [WRITE.pair("split.no", U32, number), WRITE.pair("split.count", U32, 2)]
    if number == 0:
        pairs.append(WRITE.pair("general.architecture", STRING, "llama"))
    return WRITE.file(pairs, [WRITE.tensor(f"t{number}", [8], 0, 0)], data=32)


class Server(ThreadingHTTPServer):
    """Serves `files` by range, and misbehaves below the paths that say how."""

    daemon_threads = True

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), Handler)
        self.files = {
            "/m.gguf": small_file(),
            "/big.gguf": BIG,
            "/bad.gguf": b"GGML" + bytes(100),
            "/s-00001-of-00002.gguf": split(0),
            "/s-00002-of-00002.gguf": split(1),
            "/l-00001-of-00002.gguf": split(0),
        }
        self.redirects: dict[str, str] = {}
        self.sent = 0
        self.authorized: list[str | None] = []
        self.stopped = threading.Event()

    @property
    def origin(self) -> str:
        return f"http://127.0.0.1:{self.server_address[1]}"


class Handler(BaseHTTPRequestHandler):
    server: Server

    def do_GET(self) -> None:
        path = self.path.partition("?")[0]
        self.server.authorized.append(self.headers["Authorization"])
        behave = getattr(self, f"_{path.partition('/')[2].partition('.')[0]}", None)
        if path in self.server.redirects:
            self._answer(302, b"", Location=self.server.redirects[path])
        elif behave:
            behave()
        elif path in self.server.files:
            self._range(self.server.files[path])
        else:
            self._answer(404, b"")

    def _range(self, data: bytes) -> None:
        match = re.fullmatch(r"bytes=(\d+)-(\d+)", self.headers["Range"])
        assert match
        begin, end = int(match[1]), min(int(match[2]) + 1, len(data))
        self._answer(206, data[begin:end], **{"Content-Range": f"bytes {begin}-{end - 1}/{len(data)}"})

    def _answer(self, status: int, body: bytes, **headers: str) -> None:
        self.send_response(status)
        for key, value in {"Content-Length": str(len(body)), **headers}.items():
            self.send_header(key, value)
        self.end_headers()
        self.wfile.write(body)
        self.server.sent += len(body)

    def _whole(self) -> None:
        self._answer(200, b"GGUF" + bytes(100))

    def _empty(self) -> None:
        self._answer(416, b"", **{"Content-Range": "bytes */0"})

    def _private(self) -> None:
        self._answer(401, b"")

    def _broken(self) -> None:
        self._answer(500, b"")

    def _elsewhere(self) -> None:
        self._answer(206, bytes(10), **{"Content-Range": "bytes 7-16/100"})

    def _unsized(self) -> None:
        self._answer(206, bytes(10), **{"Content-Range": "bytes 0-9/*"})

    def _short(self) -> None:
        self._answer(206, bytes(10), **{"Content-Range": "bytes 0-99/100"})

    def _cut(self) -> None:
        self._answer(206, bytes(10), **{"Content-Range": "bytes 0-99/100", "Content-Length": "100"})
        self.close_connection = True

    def _drip(self) -> None:
        self.send_response(206)
        self.send_header("Content-Range", "bytes 0-99/100")
        self.send_header("Content-Length", "100")
        self.end_headers()
        while not self.server.stopped.wait(0.05):
            self.wfile.write(b"G")

    def _mute(self) -> None:
        self.server.stopped.wait(5)

    def _growing(self) -> None:
        begin = int(self.headers["Range"].split("=")[1].split("-")[0])
        self.server.files["/grown"] = BIG + bytes(begin)
        self._range(self.server.files["/grown"])

    def handle(self) -> None:
        with suppress(ConnectionError):
            super().handle()

    def log_message(self, *_: object) -> None:
        pass


@pytest.fixture
def server(monkeypatch: pytest.MonkeyPatch) -> Iterator[Server]:
    monkeypatch.setenv("NO_PROXY", "127.0.0.1,localhost")
    with Server() as running:
        thread = threading.Thread(target=running.serve_forever, args=(0.01,))
        thread.start()
        yield running
        running.stopped.set()
        running.shutdown()
        thread.join()


def test_a_header_is_read_by_ranges(server: Server) -> None:
    header = UrlReader().read(f"{server.origin}/big.gguf?download=true")
    assert (header.source, header.file_bytes, len(header.tensors)) == ("url", len(BIG), 1)
    assert server.sent < 16 << 20 < len(BIG)


def test_a_split_model_is_one_header(server: Server) -> None:
    header = UrlReader().read(f"{server.origin}/s-00001-of-00002.gguf?x=1")
    assert [tensor.name for tensor in header.tensors] == ["t0", "t1"]


def test_the_parts_say_where_they_come_from_without_secrets(server: Server) -> None:
    url = f"http://user:secret@127.0.0.1:{server.server_address[1]}/m.gguf?token=secret"
    _, origin = UrlReader().read_parts(url)
    assert (origin.kind, origin.name) == ("url", f"{server.origin}/m.gguf")
    assert (origin.file_bytes, origin.modified) == (len(small_file()), None)


@pytest.mark.parametrize(
    ("path", "message"),
    [
        ("none.gguf", "no such file on the server (HTTP 404)"),
        ("l-00001-of-00002.gguf", "l-00002-of-00002.gguf: part 2 of 2 is missing"),
        ("whole.gguf", "the server doesn't do range requests"),
        ("empty.gguf", "the file on the server is empty (HTTP 416)"),
        ("private.gguf", "HF_TOKEN"),
        ("broken.gguf", "the server answers HTTP 500"),
        ("elsewhere.gguf", "another range than the one asked for"),
        ("unsized.gguf", "another range than the one asked for"),
        ("short.gguf", "the answer ended after 10 of 100 bytes"),
        ("cut.gguf", "peer closed connection"),
        ("growing.gguf", "the file changed while it was read"),
    ],
)
def test_a_server_that_does_not_answer_as_asked_is_an_error(server: Server, path: str, message: str) -> None:
    with pytest.raises(LauncherError) as caught:
        UrlReader().read(f"{server.origin}/{path}")
    assert message in str(caught.value)
    assert f"{server.origin}/{path.split('-')[0]}" in str(caught.value)


def test_a_file_that_is_no_model_is_an_error_at_its_byte(server: Server) -> None:
    with pytest.raises(HeaderError, match=r"bad\.gguf, byte 0: expected b'GGUF'"):
        UrlReader().read(f"{server.origin}/bad.gguf")


@pytest.mark.parametrize("path", ["drip.gguf", "mute.gguf"])
def test_a_slow_server_is_left_at_the_deadline(server: Server, path: str) -> None:
    with pytest.raises(LauncherError, match=r"no header after 0\.3 seconds: the server is too slow"):
        UrlReader(deadline=0.3).read(f"{server.origin}/{path}")


def test_redirects_are_followed_to_the_file(server: Server) -> None:
    server.redirects = {"/a": "/b", "/b": f"{server.origin}/m.gguf"}
    assert UrlReader().read(f"{server.origin}/a").architecture == "llama"


@pytest.mark.parametrize(
    ("target", "message"),
    [("/loop", "more than 5 redirects"), ("file:///etc/passwd", "redirected to file:///etc/passwd")],
)
def test_redirects_are_bounded(server: Server, target: str, message: str) -> None:
    server.redirects = {"/loop": target}
    with pytest.raises(LauncherError, match=message):
        UrlReader().read(f"{server.origin}/loop")
    assert len(server.authorized) <= 6


def test_the_token_goes_to_its_origin_alone(server: Server) -> None:
    server.redirects = {"/a": f"http://localhost:{server.server_address[1]}/m.gguf"}
    UrlReader(access=Access("token", server.origin)).read(f"{server.origin}/a")
    assert server.authorized == ["Bearer token", None]


@pytest.mark.parametrize(
    "url",
    [
        "http://huggingface.co/m",
        "https://huggingface.co.example/m",
        "https://huggingface.co:8443/m",
        "https://huggingface.co@example.org/m",
    ],
)
def test_no_other_origin_passes_for_hugging_face(url: str) -> None:
    assert Access("token").headers(url) == {}
    assert Access("token").headers("https://huggingface.co/m") == {"Authorization": "Bearer token"}


def test_a_page_of_hugging_face_is_taken_for_its_file() -> None:
    page = "https://huggingface.co/org/model-GGUF/blob/main/q8/m.gguf?download=true"
    assert file_url(page) == page.replace("/blob/", "/resolve/")
    assert file_url("https://example.org/o/m/blob/main/m.gguf").endswith("/blob/main/m.gguf")


def test_a_server_that_is_not_there_is_an_error() -> None:
    with pytest.raises(LauncherError, match=r"http://127\.0\.0\.1:1/m\.gguf: "):
        UrlReader().read("http://127.0.0.1:1/m.gguf")
