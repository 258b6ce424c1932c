"""The client of llama-server, against answers that a real one gave (build 11160)."""

import json
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread
from typing import Any

import pytest

from launcher.core.answers import Answer, Props
from launcher.core.errors import LauncherError
from launcher.core.evidence import Speed
from launcher.edges.server import LlamaServer

PROPS = {
    "default_generation_settings": {"params": {"temperature": 1}, "n_ctx": 512},
    "total_slots": 4,
    "model_alias": "small",
    "model_path": "/models/small.gguf",
    "build_info": "b0-unknown",
}
CHAT = {
    "choices": [
        {"finish_reason": "stop", "index": 0, "message": {"role": "assistant", "content": " Paris.\n"}}
    ],
    "usage": {"completion_tokens": 8, "prompt_tokens": 31, "total_tokens": 39},
    "timings": {"prompt_n": 31, "prompt_per_second": 620.5, "predicted_n": 8, "predicted_per_second": 160.25},
}


class Stub(ThreadingHTTPServer):
    """Answers by path with what the test put there; remembers what it was asked."""

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), Handler)
        self.answers: dict[str, tuple[int, str]] = {}
        self.requests: list[tuple[str, str | None, Any]] = []

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_port}"


class Handler(BaseHTTPRequestHandler):
    server: Stub

    def do_GET(self) -> None:
        self._answer(None)

    def do_POST(self) -> None:
        self._answer(json.loads(self.rfile.read(int(self.headers["Content-Length"]))))

    def log_message(self, *args: object) -> None:
        pass

    def _answer(self, body: Any) -> None:
        self.server.requests.append((self.path, self.headers.get("Authorization"), body))
        status, text = self.server.answers.get(self.path, (404, "{}"))
        self.send_response(status)
        self.end_headers()
        self.wfile.write(text.encode())


@pytest.fixture
def stub() -> Iterator[Stub]:
    with Stub() as server:
        thread = Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        yield server
        server.shutdown()
        thread.join()


@pytest.mark.parametrize(("status", "health"), [(200, "ok"), (503, "loading"), (404, "down"), (500, "down")])
def test_health_in_three_words(stub: Stub, status: int, health: str) -> None:
    stub.answers["/health"] = (status, "{}")
    assert LlamaServer().health(stub.url) == health


def test_a_port_where_nothing_listens_is_down() -> None:
    with Stub() as closed:
        url = closed.url
    assert LlamaServer().health(url) == "down"
    with pytest.raises(LauncherError, match="does not answer"):
        LlamaServer().props(url)


def test_props_and_models(stub: Stub) -> None:
    stub.answers["/props"] = (200, json.dumps(PROPS))
    stub.answers["/v1/models"] = (200, json.dumps({"data": [{"id": "small"}]}))
    assert LlamaServer().props(stub.url) == Props(
        model_path="/models/small.gguf", alias="small", n_ctx=512, slots=4, build="b0-unknown"
    )
    assert LlamaServer().models(stub.url) == ("small",)


def test_an_answer_comes_with_its_speed(stub: Stub) -> None:
    stub.answers["/v1/chat/completions"] = (200, json.dumps(CHAT))
    answer = LlamaServer().ask(stub.url, "Capital of France?", max_tokens=16)
    assert answer == Answer(
        text="Paris.", prompt_tokens=31, answer_tokens=8, prompt_per_second=620.5, answer_per_second=160.25
    )
    assert stub.requests == [
        (
            "/v1/chat/completions",
            None,
            {"messages": [{"role": "user", "content": "Capital of France?"}], "max_tokens": 16},
        )
    ]


def test_a_prompt_of_tokens_is_timed_without_the_cache(stub: Stub) -> None:
    stub.answers["/tokenize"] = (200, '{"tokens":[28120,905]}')
    timings = {
        "prompt_n": 4, "prompt_per_second": 32.5, "predicted_n": 3, "predicted_per_second": 7.25,
    }  # fmt: skip
    stub.answers["/completion"] = (200, json.dumps({"content": "hello", "timings": timings}))
    tokens = LlamaServer().tokens(stub.url, "hello world")
    assert tokens == (28120, 905)
    assert LlamaServer().speed(stub.url, tokens * 2, answer_tokens=3, seconds=5) == Speed(
        prompt_tokens=4, answer_tokens=3, prompt_per_second=32.5, answer_per_second=7.25
    )
    body = stub.requests[-1][2]
    assert body["prompt"] == [28120, 905, 28120, 905]
    assert (body["n_predict"], body["cache_prompt"], body["ignore_eos"]) == (3, False, True)


def test_the_first_key_of_the_file_is_used(stub: Stub, tmp_path: Path) -> None:
    keys = tmp_path / "keys"
    keys.write_text("# mine\n\nsk-1\nsk-2\n", encoding="utf-8")
    stub.answers["/v1/models"] = (200, '{"data": []}')
    LlamaServer(keys).models(stub.url)
    assert stub.requests[0][1] == "Bearer sk-1"


def test_a_key_file_that_is_missing_is_named(stub: Stub, tmp_path: Path) -> None:
    with pytest.raises(LauncherError, match=r"no-key: cannot be read: No such file"):
        LlamaServer(tmp_path / "no-key").models(stub.url)


@pytest.mark.parametrize(
    ("status", "text", "said"),
    [
        (401, '{"error": {"message": "Invalid API Key"}}', "wants an API key"),
        (501, '{"error": {"message": "no metrics"}}', r"/props: no metrics \(HTTP 501\)"),
        (500, "oops", r"/props: Internal Server Error \(HTTP 500\)"),
        (200, "<html>", "not a llama-server"),
        (200, "[]", "not a llama-server"),
    ],
)
def test_a_refusal_is_explained(stub: Stub, status: int, text: str, said: str) -> None:
    stub.answers["/props"] = (status, text)
    with pytest.raises(LauncherError, match=said):
        LlamaServer().props(stub.url)
