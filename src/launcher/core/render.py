"""What a plan becomes: the environment, the command and the files that Compose reads."""

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace

from launcher.core import dotenv
from launcher.core import overlay as overlays
from launcher.core.downloads import FOLDER, download_settings, downloads
from launcher.core.errors import failure
from launcher.core.images import Lock
from launcher.core.machine import Gpu
from launcher.core.overlay import Overlay
from launcher.core.profiles import Profile, RuntimeName
from launcher.core.templating import render_template
from launcher.core.visibility import Visibility, official_image, visibility

ENV_FILE = ".env"
COMPOSE_FILE = "docker-compose.yml"
MODELS = "/models"
API_KEY = "/run/secrets/api_key"
PORT = 8080
VERBOSITY = 4
HASH_DIGITS = 16
_NONE: Mapping[str, str] = {}
_REACHED_BY = {"0.0.0.0": "127.0.0.1", "::": "::1"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Site:
    """Facts of this computer that the files need.

    models_dir: absolute. project: Compose's project name. user: number:number of who starts the
    server. groups: numbers of the groups that may open the GPUs' device nodes. lock: pinned images.
    """

    models_dir: str
    project: str
    user: str = "0:0"
    groups: tuple[int, ...] = ()
    lock: Lock = field(default_factory=Lock)

    @property
    def downloads(self) -> str:
        """The folder for what servers download."""
        return f"{self.models_dir}/{FOLDER}"


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
        """Where this computer reaches the server."""
        host = _REACHED_BY.get(self.host_bind, self.host_bind)
        return f"http://[{host}]:{self.host_port}" if ":" in host else f"http://{host}:{self.host_port}"


def render(
    profile: Profile, site: Site, *, gpus: Sequence[Gpu] = (), additions: Mapping[str, str] = _NONE
) -> Rendered:
    """`profile` as its own runtime needs it; raises UsageError on a value that no file can carry.

    gpus: those that the server sees, in the order in which it numbers them. additions: what the plan
    adds to the profile's environment, such as LLAMA_ARG_FIT_TARGET.
    """
    if profile.runtime == "embedded":
        rendered = _embedded(profile, additions, site.models_dir)
        return replace(rendered, plan_hash=_plan_hash(rendered, profile, site))
    seen = visibility(gpus)
    image = site.lock.image(profile.image or official_image(gpus))
    rendered = _compose(profile, {**additions, **seen.environment}, image)
    rendered = replace(rendered, plan_hash=_plan_hash(rendered, profile, site))
    return replace(rendered, files=_files(rendered, _overlay(rendered, seen, site, profile), site))


def _embedded(profile: Profile, additions: Mapping[str, str], models_dir: str) -> Rendered:
    environment = _settings(profile, additions, models_dir, profile.api_key_file)
    environment |= {"LLAMA_ARG_HOST": profile.host_bind, "LLAMA_ARG_PORT": str(profile.host_port)}
    return _rendered(profile, None, environment)


def _compose(profile: Profile, additions: Mapping[str, str], image: str) -> Rendered:
    environment = _settings(profile, additions, MODELS, API_KEY if profile.api_key_file else None)
    environment |= {"LLAMA_ARG_HOST": "0.0.0.0", "LLAMA_ARG_PORT": str(PORT)}
    environment |= download_settings(profile, overlays.DOWNLOADS)
    return _rendered(profile, image, environment)


def _rendered(profile: Profile, image: str | None, environment: Mapping[str, str]) -> Rendered:
    return Rendered(
        profile=profile.name,
        runtime=profile.runtime,
        image=image,
        environment=dict(sorted(environment.items())),
        command=profile.command,
        host_bind=profile.host_bind,
        host_port=profile.host_port,
        files={},
        plan_hash="",
    )


def _settings(
    profile: Profile, additions: Mapping[str, str], models: str, api_key: str | None
) -> dict[str, str]:
    """The server's variables: what the launcher presets, the profile says, and the plan adds."""
    preset = {"LLAMA_ARG_ALIAS": profile.name, "LLAMA_ARG_LOG_VERBOSITY": str(VERBOSITY)}
    settings = preset | dict(profile.environment) | dict(additions)
    paths = {
        "LLAMA_ARG_MODEL": profile.model,
        "LLAMA_ARG_MMPROJ": profile.mmproj,
        "LLAMA_ARG_SPEC_DRAFT_MODEL": profile.draft_model,
    }
    settings |= {name: f"{models}/{path}" for name, path in paths.items() if path}
    if api_key:
        settings["LLAMA_ARG_API_KEY_FILE"] = api_key
    return settings


def _plan_hash(rendered: Rendered, profile: Profile, site: Site) -> str:
    """Of everything that makes a difference to the server, and of nothing else."""
    facts = [
        rendered.profile,
        rendered.runtime,
        rendered.image,
        dict(rendered.environment),
        rendered.command,
        rendered.host_bind,
        rendered.host_port,
        profile.api_key_file,
        profile.memory_limit,
        site.models_dir,
    ]
    text = json.dumps(facts, sort_keys=True)
    return hashlib.sha256(text.encode()).hexdigest()[:HASH_DIGITS]


def _overlay(rendered: Rendered, seen: Visibility, site: Site, profile: Profile) -> Overlay:
    return Overlay(
        command=rendered.command,
        nvidia=seen.nvidia,
        device_nodes=seen.device_nodes,
        groups=tuple(map(str, site.groups)) if seen.device_nodes else (),
        api_key_file=profile.api_key_file,
        memory_limit=profile.memory_limit,
        downloads=site.downloads if downloads(profile) else None,
    )


def _files(rendered: Rendered, overlay: Overlay, site: Site) -> dict[str, str]:
    """Both files, each read back and compared with what was meant."""
    compose = _compose_variables(rendered, site)
    environment = render_template(
        "env.j2",
        filters={"dotenv": dotenv.quote},
        profile=rendered.profile,
        compose=compose,
        server=rendered.environment,
    )
    arguments = overlays.to_yaml(overlay)
    if dotenv.parse(environment) != compose | dict(rendered.environment):
        raise failure("a value would not survive in this file", where=ENV_FILE)
    if overlays.from_yaml(arguments) != overlay:
        raise failure("a value would not survive in this file", where=overlays.NAME)
    return {ENV_FILE: environment, overlays.NAME: arguments}


def _compose_variables(rendered: Rendered, site: Site) -> dict[str, str]:
    return {
        "COMPOSE_FILE": f"{COMPOSE_FILE}:{overlays.NAME}",
        "COMPOSE_PROJECT_NAME": site.project,
        "LAUNCHER_PROFILE": rendered.profile,
        "LAUNCHER_PLAN": rendered.plan_hash,
        "LAUNCHER_IMAGE": rendered.image or "",
        "LAUNCHER_URL": rendered.url,
        "LAUNCHER_HOST_BIND": rendered.host_bind,
        "LAUNCHER_HOST_PORT": str(rendered.host_port),
        "LAUNCHER_MODELS_DIR": site.models_dir,
        "LAUNCHER_USER": site.user,
    }
