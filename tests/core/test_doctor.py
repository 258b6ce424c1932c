"""Doctor's judgement of what was seen."""

from dataclasses import replace

import pytest

from launcher.core.doctor import Check, Engine, Facts, Folder, Image, PortUse, examine, wanted_images
from launcher.core.errors import Problem
from launcher.core.hardware import Hardware, HostMemory, ObservedGpu
from launcher.core.images import Lock, Pin
from launcher.core.launch import Instance
from launcher.core.machine import Gpu
from launcher.core.units import GIB

OFFICIAL = "ghcr.io/ggml-org/llama.cpp:server-cuda"
CARD = Gpu(name="RTX 4090", total=24 * GIB, free=23 * GIB)
HARDWARE = Hardware(
    host_name="desk", host=HostMemory(), gpus=(ObservedGpu(gpu=CARD),), driver="575.57", cuda="12.9"
)
ENGINE = Engine(
    version="28.2.2",
    gpu_access=("CDI",),
    images=(Image(name=OFFICIAL, reference=OFFICIAL, here=True),),
    data_root=Folder(path="/var/lib/docker", exists=True, readable=True, free=50 * GIB),
)
WELL = Facts(
    engine=ENGINE,
    compose="2.40.0",
    hardware=HARDWARE,
    conf=(),
    compose_file=None,
    models=Folder(path="/models", exists=True, readable=True, free=500 * GIB),
    ports=(PortUse(bind="127.0.0.1", port=8080, holder=None),),
    servers=(),
    embedded=True,
    compiler="/usr/bin/cc",
)
SERVER = Instance(
    id="1", profile="glm", runtime="compose", plan_hash="", state="healthy", url="http://127.0.0.1:8080"
)


def check(facts: Facts, name: str) -> Check:
    [found] = [each for each in examine(facts, "compose") if each.name == name]
    return found


def test_a_computer_on_which_all_is_well() -> None:
    assert [(each.name, each.level, each.what) for each in examine(WELL, "compose")] == [
        ("Docker engine", "ok", "28.2.2"),
        ("image", "ok", "ghcr.io/ggml-org/llama.cpp:server-cuda is here"),
        ("Docker Compose", "ok", "2.40.0"),
        ("docker-compose.yml", "ok", "starts what this launcher renders"),
        ("GPUs", "ok", "RTX 4090"),
        ("NVIDIA driver", "ok", "575.57, CUDA 12.9; the image is built with CUDA 12.8"),
        ("GPUs in containers", "ok", "CDI"),
        ("models.conf", "ok", "no errors"),
        ("models folder", "ok", "/models, 500.0 GiB free"),
        ("port 8080", "ok", "free on 127.0.0.1"),
        ("embedded runtime", "ok", "xllamacpp is installed"),
        ("C compiler", "ok", "/usr/bin/cc"),
    ]


def test_everything_that_is_not_well_says_what_to_do() -> None:
    failing = Problem(what="it fails", hint="mend it")
    facts = Facts(
        engine=failing,
        compose=failing,
        hardware=failing,
        conf=(Problem(where="models.conf:3", what="no"),),
        compose_file=failing,
        models=Folder(path="/models", exists=False, readable=False),
        ports=(PortUse(bind="127.0.0.1", port=8080, holder="nginx (process 7)"),),
        servers=(),
        embedded=False,
        compiler=None,
    )
    found = examine(facts, "compose")
    assert all(each.hint for each in found)
    assert {each.level for each in found} == {"problem", "warning"}
    assert [each.name for each in found if each.level == "warning"] == ["embedded runtime", "C compiler"]


def test_the_embedded_runtime_needs_no_docker_but_its_package() -> None:
    without_docker = replace(WELL, engine=Problem(what="no"), compose=Problem(what="no"), embedded=False)
    levels = {each.name: each.level for each in examine(without_docker, "embedded")}
    assert levels["embedded runtime"] == "problem"
    assert "Docker engine" not in levels


@pytest.mark.parametrize(
    ("cuda", "level"),
    [
        ("13.0", "ok"),
        ("12.8", "ok"),
        ("12.7", "warning"),
        ("12.0", "warning"),
        ("11.8", "problem"),
        (None, "warning"),
    ],
)
def test_the_driver_against_the_image(cuda: str | None, level: str) -> None:
    facts = replace(WELL, hardware=replace(HARDWARE, cuda=cuda))
    assert check(facts, "NVIDIA driver").level == level


def test_without_an_nvidia_gpu_its_driver_and_runtime_are_not_missed() -> None:
    nothing = Hardware(host_name="desk", host=HostMemory())
    facts = replace(WELL, hardware=nothing, engine=replace(ENGINE, gpu_access=()))
    names = [each.name for each in examine(facts, "compose")]
    assert "NVIDIA driver" not in names
    assert "GPUs in containers" not in names
    assert check(facts, "GPUs").what == "none: models run on the processor"


def test_a_gpu_that_is_left_out_is_told() -> None:
    hardware = replace(HARDWARE, left_out=("Arc A770: the image for NVIDIA does not drive it",))
    found = check(replace(WELL, hardware=hardware), "GPU left out")
    assert (found.level, found.what) == ("warning", "Arc A770: the image for NVIDIA does not drive it")


def test_docker_without_a_way_to_the_gpus() -> None:
    found = check(replace(WELL, engine=replace(ENGINE, gpu_access=())), "GPUs in containers")
    assert found.level == "problem"
    assert found.hint is not None
    assert "nvidia-ctk runtime configure" in found.hint


def test_a_port_that_the_launchers_own_server_has() -> None:
    use = PortUse(bind="127.0.0.1", port=8080, holder="docker-proxy (process 7)")
    assert check(replace(WELL, ports=(use,)), "port 8080").level == "problem"
    ours = check(replace(WELL, ports=(use,), servers=(SERVER,)), "port 8080")
    assert (ours.level, ours.what) == ("ok", "the launcher's own server has it: glm")


@pytest.mark.parametrize(("free", "level"), [(3 * GIB, "warning"), (30 * GIB, "ok"), (None, "ok")])
def test_room_for_an_image_that_is_not_here_yet(free: int | None, level: str) -> None:
    root = Folder(path="/var/lib/docker", exists=True, readable=True, free=free)
    facts = replace(
        WELL, engine=replace(ENGINE, images=(replace(ENGINE.images[0], here=False),), data_root=root)
    )
    assert check(facts, "image").level == level


@pytest.mark.parametrize(
    ("version", "level"), [("v2.26.1", "ok"), ("2.25.0", "warning"), ("1.29.2", "warning"), ("dev", "ok")]
)
def test_an_older_compose_than_was_tested(version: str, level: str) -> None:
    assert check(replace(WELL, compose=version), "Docker Compose").level == level


def test_a_models_folder_that_cannot_be_read() -> None:
    folder = Folder(path="/models", exists=True, readable=False, free=GIB)
    found = check(replace(WELL, models=folder), "models folder")
    assert (found.level, found.what) == ("problem", "/models can't be read")


def test_images_are_those_that_profiles_name_each_once_and_as_pinned() -> None:
    lock = Lock(pins={OFFICIAL: Pin(digest="ghcr.io/ggml-org/llama.cpp@sha256:1")})
    assert wanted_images((None, "my/llama:1", None), lock, HARDWARE) == {
        OFFICIAL: "ghcr.io/ggml-org/llama.cpp@sha256:1",
        "my/llama:1": "my/llama:1",
    }
    assert wanted_images((), Lock(), HARDWARE) == {OFFICIAL: OFFICIAL}
    assert list(wanted_images((), Lock(), Problem(what="no NVML"))) == ["ghcr.io/ggml-org/llama.cpp:server"]


def test_every_image_has_a_line() -> None:
    images = (
        Image(name="my/llama:1", reference="my/llama:1", here=True),
        Image(name=OFFICIAL, reference="ghcr.io/ggml-org/llama.cpp@sha256:1", here=False),
    )
    found = examine(replace(WELL, engine=replace(ENGINE, images=images)), "compose")
    assert [each.what for each in found if each.name == "image"] == [
        "my/llama:1 is here",
        f"{OFFICIAL}, as it is pinned, is downloaded at the first start; 50.0 GiB free for images",
    ]
