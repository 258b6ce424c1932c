"""A llama-server that runs, asked over HTTP."""

import json
from collections.abc import Mapping, Sequence
from functools import cached_property
from http.client import HTTPConnection, HTTPException
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from launcher.core.answers import Answer, Health, Props
from launcher.core.errors import LauncherError, failure

if TYPE_CHECKING:
    import httpx

    from launcher.core.evidence import Speed

HEALTH_SECONDS = 2.0
ANSWER_SECONDS = 600.0
OK, LOADING, UNAUTHORIZED = 200, 503, 401


class LlamaServer:
    """Client of llama-servers; api_key_file: the file that the server has its API key from."""

    def __init__(self, api_key_file: Path | None = None) -> None:
        self._api_key_file = api_key_file

    @cached_property
    def _client(self) -> "httpx.Client":
        """One for all requests; without certificates, as the server speaks plain HTTP."""
        import httpx

        return httpx.Client(trust_env=False, verify=False)

    def health(self, url: str) -> Health:
        """Whether the server at `url` answers; needs no key. Never raises.

        By the standard library: httpx takes longer to load than a small model.
        """
        place = urlsplit(url)
        connection = HTTPConnection(place.hostname or "", place.port, timeout=HEALTH_SECONDS)
        try:
            connection.request("GET", "/health")
            status = connection.getresponse().status
        except (OSError, HTTPException):
            return "down"
        finally:
            connection.close()
        return "ok" if status == OK else "loading" if status == LOADING else "down"

    def props(self, url: str) -> Props:
        """What runs at `url`; raises LauncherError."""
        told = self._get(url, "/props")
        return Props(
            model_path=str(told["model_path"]),
            alias=str(told.get("model_alias", "")),
            n_ctx=int(told["default_generation_settings"]["n_ctx"]),
            slots=int(told["total_slots"]),
            build=str(told.get("build_info", "")),
        )

    def models(self, url: str) -> tuple[str, ...]:
        """The names by which the server's model is asked for; raises LauncherError."""
        return tuple(str(model["id"]) for model in self._get(url, "/v1/models")["data"])

    def ask(self, url: str, question: str, *, max_tokens: int | None = None) -> Answer:
        """The model's answer to one message of a user; raises LauncherError."""
        body: dict[str, Any] = {"messages": [{"role": "user", "content": question}]}
        if max_tokens is not None:
            body["max_tokens"] = max_tokens
        told = self._json(self._request(url, "POST", "/v1/chat/completions", body), url)
        timings = told.get("timings", {})
        return Answer(
            text=str(told["choices"][0]["message"].get("content") or "").strip(),
            prompt_tokens=int(told["usage"]["prompt_tokens"]),
            answer_tokens=int(told["usage"]["completion_tokens"]),
            prompt_per_second=timings.get("prompt_per_second"),
            answer_per_second=timings.get("predicted_per_second"),
        )

    def tokens(self, url: str, text: str) -> tuple[int, ...]:
        """The model's tokens for `text`; raises LauncherError."""
        told = self._json(self._request(url, "POST", "/tokenize", {"content": text}), url)
        return tuple(int(token) for token in told["tokens"])

    def speed(self, url: str, prompt: Sequence[int], *, answer_tokens: int, seconds: float) -> "Speed":
        """How fast the server takes these tokens, none of them from its cache, and writes so many.

        Raises LauncherError, also when it takes longer than `seconds`.
        """
        from launcher.core.evidence import Speed

        body = {
            "prompt": list(prompt),
            "n_predict": answer_tokens,
            "ignore_eos": True,
            "cache_prompt": False,
            "temperature": 0,
        }
        told = self._json(self._request(url, "POST", "/completion", body, seconds=seconds), url)
        timings = told["timings"]
        return Speed(
            prompt_tokens=int(timings["prompt_n"]),
            answer_tokens=int(timings["predicted_n"]),
            prompt_per_second=float(timings["prompt_per_second"]),
            answer_per_second=float(timings["predicted_per_second"]),
        )

    def _get(self, url: str, path: str) -> dict[str, Any]:
        return self._json(self._request(url, "GET", path), url)

    def _json(self, answer: "httpx.Response", url: str) -> dict[str, Any]:
        try:
            told = answer.json()
        except json.JSONDecodeError:
            told = None
        if not isinstance(told, dict):
            raise failure("what answers is not a llama-server", where=url, hint="see what uses the port")
        return told

    def _request(
        self,
        url: str,
        method: str,
        path: str,
        body: Mapping[str, Any] | None = None,
        *,
        seconds: float = ANSWER_SECONDS,
    ) -> "httpx.Response":
        import httpx

        try:
            answer = self._client.request(
                method, f"{url}{path}", json=body, headers=self._headers(), timeout=seconds
            )
        except httpx.HTTPError as error:
            raise failure(
                f"the server does not answer ({type(error).__name__})", where=url, hint="launcher status"
            ) from error
        if answer.status_code != OK:
            raise _refusal(url, path, answer)
        return answer

    def _headers(self) -> dict[str, str]:
        """The first key of the file, as llama-server reads it (``common/arg.cpp``, build 11160)."""
        if self._api_key_file is None:
            return {}
        try:
            lines = self._api_key_file.read_text(encoding="utf-8").splitlines()
        except OSError as error:
            raise failure(
                f"cannot be read: {error.strerror}", where=str(self._api_key_file), hint="see API_KEY_FILE"
            ) from error
        keys = (line for line in lines if line and not line.startswith("#"))
        return {"Authorization": f"Bearer {key}"} if (key := next(keys, None)) else {}


def _refusal(url: str, path: str, answer: "httpx.Response") -> LauncherError:
    if answer.status_code == UNAUTHORIZED:
        return failure("the server wants an API key", where=url, hint="set API_KEY_FILE in the profile")
    try:
        said = answer.json()["error"]["message"]
    except (json.JSONDecodeError, KeyError, TypeError):
        said = answer.reason_phrase
    return failure(f"{path}: {said} (HTTP {answer.status_code})", where=url, hint="launcher logs says more")
