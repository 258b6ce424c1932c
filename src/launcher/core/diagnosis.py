"""Why a start failed: what the log and the exit code say, and the next step.

The words that are looked for are llama.cpp's (build 11160), the Docker engine's and NVIDIA's.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass

LINES_SHOWN = 6
KILLED = 137  # 128 + SIGKILL


@dataclass(frozen=True, slots=True, kw_only=True)
class Diagnosis:
    """what: the cause, in words. hint: the next step. lines: those of the log that say so."""

    what: str
    hint: str | None
    lines: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class _Cause:
    """A known failure; `what` is filled with what `pattern` found."""

    pattern: str
    what: str
    hint: str


def _cause(pattern: str, what: str, hint: str) -> _Cause:
    return _Cause(pattern, what, hint)


_LESS_MEMORY = (
    "ask for less: a lower CTX_SIZE, a smaller CACHE_TYPE_K and _V, a higher FIT_TARGET; "
    "launcher plan shows what lies where"
)

_CAUSES = (
    # the Docker engine and Compose
    _cause(
        r"permission denied while trying to connect to the docker",
        "no permission on the Docker socket",
        "sudo usermod -aG docker $USER, then log out and in again",
    ),
    _cause(
        r"cannot connect to the docker daemon|is the docker daemon running",
        "the Docker daemon does not answer",
        "start it: sudo systemctl start docker; or run without it: launcher up --runtime embedded",
    ),
    _cause(
        r"is not a docker command|unknown command: docker compose|unknown flag: --progress",
        "Docker Compose v2 is not there",
        "install the package docker-compose-plugin, or docker-compose of Debian 13 and later",
    ),
    _cause(
        r"could not select device driver|unknown or invalid runtime name: nvidia|unresolvable CDI devices",
        "Docker has no NVIDIA runtime",
        "install nvidia-container-toolkit, then: sudo nvidia-ctk runtime configure --runtime=docker "
        "&& sudo systemctl restart docker",
    ),
    _cause(
        r"unsatisfied condition: (?P<need>cuda>=[\d.]+)",
        "the NVIDIA driver is too old for this image, which needs {need}",
        "update the driver, or set IMAGE to one for an older CUDA",
    ),
    _cause(
        r"driver version is insufficient",
        "the NVIDIA driver is too old for this image's CUDA",
        "update the driver, or set IMAGE to one for an older CUDA",
    ),
    _cause(
        r"device error: (?P<gpu>\S+): unknown device",
        "there is no GPU {gpu} any more",
        "launcher detect shows the GPUs that are there; launcher up renders anew",
    ),
    _cause(
        r"no CUDA-capable device is detected",
        "the container sees no NVIDIA GPU",
        "launcher doctor looks at the NVIDIA runtime; launcher detect shows the GPUs",
    ),
    _cause(
        r"(?:Bind for|listen tcp\d?) (?P<at>\S+?):? "
        r"(?:failed: port is already allocated|bind: address already in use)",
        "the port is taken: {at}",
        "stop what listens there, or set HOST_PORT in the profile",
    ),
    _cause(
        r"bind source path does not exist: (?P<path>.+)",
        "there is no folder {path}",
        "create it, or name the models folder: launcher --models-dir DIR",
    ),
    _cause(
        r"manifest unknown|manifest for \S+ not found|pull access denied|repository does not exist",
        "there is no such image",
        "see IMAGE in the profile, or try: docker pull the image by hand",
    ),
    _cause(
        r"no such host|Client\.Timeout exceeded|TLS handshake timeout|failed to resolve reference",
        "the image can't be downloaded",
        "see the network, then try again; an image that is there already is not downloaded",
    ),
    _cause(r"no space left on device", "the disk is full", "docker system df shows what takes the space"),
    # llama-server: its command line
    _cause(
        r"error: invalid argument: (?P<flag>\S+)",
        "llama-server of this image knows no {flag}",
        "correct it in EXTRA_ARGS or the sampler, or use a newer image",
    ),
    _cause(
        r'while handling environment variable "LLAMA_ARG_(?P<key>\w+)"',
        "llama-server does not accept the value of {key}",
        "correct {key} in the profile",
    ),
    _cause(
        r'argument "--api-key-file": error: failed to open',
        "the file with the API key can't be read",
        "see API_KEY_FILE in the profile, and who may read that file",
    ),
    _cause(
        r'while handling argument "(?P<flag>[^"]+)"',
        "llama-server does not accept the value of {flag}",
        "correct it in EXTRA_ARGS or the sampler",
    ),
    _cause(
        r"couldn't bind HTTP server socket, hostname: (?P<host>\S+), port: (?P<port>\d+)",
        "the port is taken: {host}:{port}",
        "stop what listens there, or set HOST_PORT in the profile",
    ),
    # llama-server: the model
    _cause(
        r"failed to load GGUF split from (?P<path>.+)",
        "a part of the model is missing: {path}",
        "download all parts into the same folder",
    ),
    _cause(
        r"failed to open GGUF file '(?P<path>[^']+)' \(No such file or directory\)",
        "there is no model file {path}",
        "see MODEL in the profile; /models is the models folder",
    ),
    _cause(
        r"failed to open GGUF file '(?P<path>[^']+)' \(Permission denied\)",
        "no permission to read {path}",
        "make it readable for the user who starts the server",
    ),
    _cause(
        r"unknown model architecture: '(?P<name>[^']+)'",
        "llama.cpp of this image does not know the architecture {name}",
        "use a newer image: docker pull it, or set IMAGE",
    ),
    _cause(
        r"data is not within the file bounds|failed to read magic|invalid magic characters",
        "the model file is incomplete or not GGUF",
        "download it again; launcher inspect FILE looks into it",
    ),
    # memory
    _cause(
        r"allocating (?P<size>[\d.]+ MiB) on device (?P<device>\d+): cudaMalloc failed: out of memory",
        "out of memory on device {device}: no {size} left",
        _LESS_MEMORY,
    ),
    _cause(
        r"failed to allocate (?P<buffer>(?:CUDA|ROCm|Vulkan|SYCL)\S*) buffer",
        "out of memory on {buffer}",
        _LESS_MEMORY,
    ),
    _cause(r"CUDA error: out of memory|ErrorOutOfDeviceMemory", "out of memory on a GPU", _LESS_MEMORY),
    _cause(
        r"insufficient memory \(attempted to allocate (?P<size>[\d.]+ MB)\)",
        "out of host memory: no {size} left",
        _LESS_MEMORY,
    ),
)

_STAMP = re.compile(r"^\d+(?:\.\d+){3} (?P<level>[A-Z]) ")
_TROUBLE = re.compile(r"error|failed|fatal|abort|terminate|assert|denied|cannot|could not", re.IGNORECASE)
_AFTERMATH = re.compile(r"exiting due to|failed to load model(?:,|$| ')|fitting params|common_fit_params")


def diagnose(lines: Sequence[str], exit_code: int | None) -> Diagnosis:
    """The known cause that the last lines of a log and the exit code point to.

    Where none is known, the lines that look most like the trouble are shown.
    """
    shown = _lines_that_matter(lines)
    for cause in _CAUSES:
        for line in reversed(lines):
            if match := re.search(cause.pattern, line, re.IGNORECASE):
                found = match.groupdict()
                return Diagnosis(
                    what=cause.what.format(**found), hint=cause.hint.format(**found), lines=_with(shown, line)
                )
    return _from_exit_code(exit_code, shown)


def _from_exit_code(exit_code: int | None, shown: tuple[str, ...]) -> Diagnosis:
    if exit_code == KILLED:
        return Diagnosis(
            what="the server was killed (exit code 137), most likely by the kernel: out of host memory",
            hint="a smaller model or less in host memory; sudo dmesg | tail shows the kernel's reason",
            lines=shown,
        )
    what = "the server did not start" if exit_code is None else f"the server exited with code {exit_code}"
    return Diagnosis(what=what, hint=None, lines=shown)


def _lines_that_matter(lines: Sequence[str]) -> tuple[str, ...]:
    """The last few lines that report an error, each once; without any, the last few."""
    told = [line for line in lines if line.strip()]
    bad = [line for line in told if _is_error(line) and not _AFTERMATH.search(line)]
    unique = dict.fromkeys(map(_bare, bad or told))
    return tuple(unique)[-LINES_SHOWN:]


def _is_error(line: str) -> bool:
    stamped = _STAMP.match(line)
    return stamped["level"] == "E" if stamped else bool(_TROUBLE.search(line))


def _bare(line: str) -> str:
    return _STAMP.sub("", line).strip()


def _with(shown: tuple[str, ...], line: str) -> tuple[str, ...]:
    bare = _bare(line)
    return shown if bare in shown else (bare, *shown)[:LINES_SHOWN]
