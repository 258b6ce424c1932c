"""What a plan becomes: the environment, the command and the files that Compose reads."""

from collections.abc import Mapping
from dataclasses import dataclass

from launcher.core.profiles import RuntimeName


@dataclass(frozen=True, slots=True, kw_only=True)
class Rendered:
    """Everything that a runtime needs to start one server.

    environment: exactly what the server's process gets beyond the image's own. command: words
    after the server's own name. files: text by path relative to the project folder (``.env``,
    the overlay). plan_hash: over all of it; the label by which a running server is compared.
    """

    profile: str
    runtime: RuntimeName
    image: str | None
    environment: Mapping[str, str]
    command: tuple[str, ...]
    host_bind: str
    host_port: int
    files: Mapping[str, str]
    plan_hash: str

    @property
    def url(self) -> str:
        return f"http://{self.host_bind}:{self.host_port}"
