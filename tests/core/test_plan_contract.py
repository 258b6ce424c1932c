"""The contract launcher.plan/1: every key, its type, and what is unknown."""

import json
from typing import Any

from launcher.core.plan import plan
from launcher.core.plan.contract import to_json
from launcher.core.subject import KnownModel, Subject
from planning import machine, production, profile, subject


def made(**fields: Any) -> dict[str, Any]:
    value: dict[str, Any] = json.loads(json.dumps(to_json(plan(subject(**fields), machine()))))
    return value


def test_the_keys_of_a_plan() -> None:
    value = made()
    assert value["schema"] == "launcher.plan/1"
    assert list(value) == [
        "schema", "profile", "machine", "source", "verdict", "reason", "model", "n_ctx", "fit", "initial",
        "devices", "graph_splits", "n_gpu_layers", "tensor_split", "host", "strategy", "environment",
        "command", "speed", "findings",
    ]  # fmt: skip
    assert value["model"] == {
        "path": "GLM-4.7-Flash-Q8_0.gguf",
        "architecture": "deepseek2",
        "file_bytes": value["model"]["file_bytes"],
        "parameters": value["model"]["parameters"],
        "layers": 47,
        "experts": 64,
        "experts_used": 4,
        "features": ["moe", "mla"],
        "header": "reconstructed",
    }
    assert 29_000_000_000 < value["model"]["parameters"] < 31_000_000_000


def test_devices_are_gpus_in_order_and_the_host_last() -> None:
    value = made()
    assert [each["name"] for each in value["devices"]] == ["CUDA0", "CUDA1", "Host"]
    assert [each["name"] for each in value["initial"]] == ["CUDA0", "CUDA1", "Host"]
    gpu, _, host = value["devices"]
    assert set(gpu) == {
        "name", "gpu", "total_bytes", "free_bytes", "margin_bytes", "model_bytes", "context_bytes",
        "compute_bytes", "left_bytes", "layers", "overflow_layers",
    }  # fmt: skip
    assert set(host) == {"name", "gpu", "model_bytes", "context_bytes", "compute_bytes"}
    assert host["gpu"] is None
    used = gpu["model_bytes"] + gpu["context_bytes"] + gpu["compute_bytes"]
    assert gpu["left_bytes"] == gpu["free_bytes"] - used


def test_the_environment_is_what_the_server_gets() -> None:
    environment = made()["environment"]
    assert environment["LLAMA_ARG_CTX_SIZE"] == "131072"
    assert environment["LLAMA_ARG_FIT"] == "on"
    assert environment["LLAMA_ARG_FIT_TARGET"] == "128,1024"


def test_what_is_unknown_is_null() -> None:
    unread = KnownModel.without_header("x.gguf", "no such file")
    about = Subject(profile=profile("x.gguf"), settings=production(), known=unread)
    value = to_json(plan(about, machine()))
    assert (value["verdict"], value["reason"]) == ("unknown", "missing: no such file")
    unknown = ("initial", "devices", "graph_splits", "n_gpu_layers", "tensor_split", "host", "speed")
    assert {key: value[key] for key in unknown} == dict.fromkeys(unknown)
    assert value["model"]["layers"] is None


def test_the_fit_is_told_its_margins_though_the_model_is_unknown() -> None:
    unread = KnownModel.without_header("x.gguf", "no such file")
    about = Subject(profile=profile("x.gguf"), settings=production(), known=unread)
    assert plan(about, machine()).environment["LLAMA_ARG_FIT_TARGET"] == "128,1024"
