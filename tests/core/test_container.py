"""The memory limit of a container, read from a compose file."""

import pytest

from launcher.core.container import foreign, memory_limit
from launcher.core.errors import UsageError
from launcher.core.units import GIB, MIB


def compose(**server: object) -> object:
    return {"services": {"server": server}}


@pytest.mark.parametrize(
    ("value", "limit"),
    [("48g", 48 * GIB), ("512 MB", 512 * MIB), ("1.5GiB", GIB + 512 * MIB), (GIB, GIB), ("100b", 100)],
)
def test_sizes_are_binary_as_docker_reads_them(value: object, limit: int) -> None:
    assert memory_limit(compose(mem_limit=value), "c.yml") == limit


def test_the_limit_of_a_deployment_counts() -> None:
    document = compose(deploy={"resources": {"limits": {"memory": "2g"}}})
    assert memory_limit(document, "c.yml") == 2 * GIB


@pytest.mark.parametrize(
    "document", [None, [], {"services": {"other": {"mem_limit": "1g"}}}, compose(mem_limit=0)]
)
def test_without_a_limit_there_is_none(document: object) -> None:
    assert memory_limit(document, "c.yml") is None


def test_a_variable_is_refused_with_another_way() -> None:
    with pytest.raises(UsageError) as caught:
        memory_limit(compose(mem_limit="${LIMIT}"), "c.yml")
    assert str(caught.value) == (
        "c.yml: services.server.mem_limit: expected a size such as 48g, got '${LIMIT}'\n"
        "  hint: write the size itself, or set MEMORY_LIMIT in models.conf: the plan counts with it"
    )


LABELS = {"launcher.profile": "${LAUNCHER_PROFILE}", "launcher.plan": "p", "launcher.url": "u"}


@pytest.mark.parametrize("env_file", [".env", [".env"], ["mine.env", {"path": ".env", "required": True}]])
@pytest.mark.parametrize("labels", [LABELS, [f"{name}=x" for name in LABELS]])
def test_a_compose_file_may_say_it_in_any_of_composes_forms(env_file: object, labels: object) -> None:
    assert foreign(compose(env_file=env_file, labels=labels), "c.yml") is None


def test_an_older_launchers_compose_file_passes_no_settings() -> None:
    assert str(foreign(compose(image="${LAUNCHER_IMAGE}", labels=LABELS), "c.yml")) == (
        "c.yml: does not start what this launcher renders: services.server lacks env_file: [.env]\n"
        "  hint: take the docker-compose.yml that comes with this launcher, or add to yours what it lacks"
    )


@pytest.mark.parametrize("document", [{}, [], {"services": None}, compose(env_file=["x"], labels=None)])
def test_a_compose_file_of_something_else_lacks_all(document: object) -> None:
    found = foreign(document, "c.yml")
    assert found is not None
    assert found.what.endswith(
        "env_file: [.env], the label launcher.profile, the label launcher.plan, the label launcher.url"
    )


def test_a_missing_compose_file_is_told() -> None:
    assert str(foreign(None, "c.yml")) == (
        "c.yml: no such file\n  hint: take the docker-compose.yml that comes with this launcher"
    )
