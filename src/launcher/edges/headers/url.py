"""GGUF files on a web server: only the bytes of their headers are fetched, by range requests."""

import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from threading import Thread
from typing import TYPE_CHECKING, TypeVar
from urllib.parse import urljoin, urlsplit

from launcher.core.errors import LauncherError, failure
from launcher.core.gguf_names import missing_part, part_names
from launcher.core.gguf_reader import Part
from launcher.core.gguf_split import read_header, read_parts
from launcher.core.header import Header
from launcher.core.snapshot import Origin, origin_of_parts
from launcher.edges.headers.types import tensor_types

if TYPE_CHECKING:
    import httpx

FIRST_WINDOW = 1 << 20
LAST_WINDOW = 8 << 20
MAX_REDIRECTS = 5
SILENCE = 10.0
_BLOB = re.compile(r"^(https://huggingface\.co/[^/]+/[^/]+)/blob/")
_RANGE = re.compile(r"bytes (\d+)-\d+/(\d+)")

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Access:
    """A bearer token, and the one origin (scheme, host, port) that gets to see it."""

    token: str
    origin: str = "https://huggingface.co"

    def headers(self, url: str) -> dict[str, str]:
        """The Authorization header for a request to `url`; none for any other origin."""
        parts = urlsplit(url)
        if f"{parts.scheme}://{parts.netloc}" != self.origin:
            return {}
        return {"Authorization": f"Bearer {self.token}"}


class NotFoundError(LauncherError):
    """The server says that it has no such file."""


@dataclass(frozen=True, slots=True)
class UrlReader:
    """Reads headers by URL, each within `deadline` seconds."""

    access: Access | None = None
    deadline: float = 60.0

    def read(self, url: str) -> Header:
        """The header of the model at `url`, the first of its parts.

        Raises HeaderError for a bad file, LauncherError when the server does not answer as asked.
        """
        return self._within_deadline(url, lambda sources: read_header(sources, tensor_types(), "url"))

    def read_parts(self, url: str) -> tuple[tuple[Part, ...], Origin]:
        """The parts of the model at `url`, and what a snapshot is to say of where it comes from."""

        def work(sources: "list[UrlSource]") -> tuple[tuple[Part, ...], Origin]:
            parts = read_parts(sources, tensor_types())
            size = sum(source.size for source in sources)
            return parts, origin_of_parts(parts) or Origin(kind="url", name=sources[0].name, file_bytes=size)

        return self._within_deadline(url, work)

    def _within_deadline(self, url: str, work: "Callable[[list[UrlSource]], T]") -> T:
        """Do `work` on the parts at `url`, in a thread: what takes too long is left behind.

        Time-outs of single reads would not do: a server that drips keeps all of them.
        """
        from concurrent.futures import Future

        future: Future[T] = Future()

        def run() -> None:
            try:
                with _open_all(file_url(url), self.access) as sources:
                    future.set_result(work(sources))
            except BaseException as error:
                future.set_exception(error)

        Thread(target=run, daemon=True).start()
        try:
            return future.result(self.deadline)
        except TimeoutError:
            raise failure(
                f"no header after {self.deadline:g} seconds: the server is too slow", where=_shown(url)
            ) from None


class UrlSource:
    """A file on a web server, read by ranges that grow."""

    def __init__(self, client: "httpx.Client", url: str, access: Access | None) -> None:
        self.name = _shown(url)
        self._client = client
        self._location = url
        self._access = access
        self._window = FIRST_WINDOW
        self.size = 0
        self._first = self._fetch(0, FIRST_WINDOW)

    def read(self, offset: int, length: int) -> bytes:
        if offset + length <= len(self._first):
            return self._first[offset:]
        self._window = min(2 * self._window, LAST_WINDOW)
        return self._fetch(offset, min(max(length, self._window), self.size - offset))

    def _fetch(self, offset: int, length: int) -> bytes:
        """`length` bytes from `offset`, fewer where the file ends; follows redirects."""
        for _ in range(MAX_REDIRECTS + 1):
            request = self._request(offset, length)
            with self._client.stream("GET", self._location, headers=request) as answer:
                if not answer.has_redirect_location:
                    self._check(answer, offset)
                    return self._body(answer, min(length, self.size - offset))
                self._location = self._redirected(answer.headers["location"])
        raise failure(f"more than {MAX_REDIRECTS} redirects", where=self.name)

    def _request(self, offset: int, length: int) -> dict[str, str]:
        bearer = self._access.headers(self._location) if self._access else {}
        return {"Range": f"bytes={offset}-{offset + length - 1}", "Accept-Encoding": "identity"} | bearer

    def _redirected(self, target: str) -> str:
        location = urljoin(self._location, target)
        scheme = urlsplit(location).scheme
        if scheme not in ("http", "https") or (scheme == "http" and self._location.startswith("https:")):
            raise failure(f"redirected to {_shown(location)}, which is not followed", where=self.name)
        return location

    def _check(self, answer: "httpx.Response", offset: int) -> None:
        """Ask that `answer` is the range from `offset` of a file of known size."""
        if answer.status_code != 206:
            raise _refusal(answer.status_code, self.name)
        match = _RANGE.fullmatch(answer.headers.get("content-range", ""))
        if match is None or int(match[1]) != offset:
            raise failure("the server sent another range than the one asked for", where=self.name)
        if self.size not in (0, int(match[2])):
            raise failure("the file changed while it was read", where=self.name, hint="try again")
        self.size = int(match[2])

    def _body(self, answer: "httpx.Response", length: int) -> bytes:
        body = bytearray()
        for chunk in answer.iter_raw():
            body += chunk
            if len(body) >= length:
                return bytes(body[:length])
        raise failure(f"the answer ended after {len(body):,} of {length:,} bytes", where=self.name)


def _refusal(status: int, name: str) -> LauncherError:
    match status:
        case 200:
            what = "the server doesn't do range requests: it would send the file as a whole"
            return failure(what, where=name, hint="download the file, and name it by its path")
        case 401 | 403:
            hint = (
                "for a gated or private repository of Hugging Face, set HF_TOKEN to a token that may read it"
            )
            return failure(f"the server refuses access (HTTP {status})", where=name, hint=hint)
        case 404:
            return NotFoundError(*failure("no such file on the server (HTTP 404)", where=name).problems)
        case 416:
            return failure("the file on the server is empty (HTTP 416)", where=name)
        case _:
            return failure(f"the server answers HTTP {status}", where=name)


@contextmanager
def _open_all(url: str, access: Access | None) -> Iterator[list[UrlSource]]:
    import httpx

    names = _part_urls(url)
    try:
        with httpx.Client(timeout=SILENCE, follow_redirects=False) as client:
            yield [_open(client, name, names, access) for name in names]
    except httpx.TimeoutException:
        raise failure(f"the server was silent for {SILENCE:g} seconds", where=_shown(url)) from None
    except (httpx.HTTPError, httpx.InvalidURL) as error:
        raise failure(str(error) or type(error).__name__, where=_shown(url)) from None


def _open(client: "httpx.Client", url: str, names: list[str], access: Access | None) -> UrlSource:
    try:
        return UrlSource(client, url, access)
    except NotFoundError:
        if len(names) == 1:
            raise
        raise missing_part(_shown(url), [_shown(name) for name in names]) from None


def file_url(url: str) -> str:
    """A Hugging Face page of a file (``blob``) is the file itself (``resolve``)."""
    return _BLOB.sub(r"\1/resolve/", url)


def _part_urls(url: str) -> list[str]:
    parts = urlsplit(url)
    return [parts._replace(path=path).geturl() for path in part_names(parts.path)]


def _shown(url: str) -> str:
    """`url` as it may be printed: without user, password and query, which may be secrets."""
    parts = urlsplit(url)
    return f"{parts.scheme}://{parts.netloc.rpartition('@')[2]}{parts.path}"
