"""The memory limit of a container, read from a compose file."""

import pytest

from launcher.core.container import memory_limit
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
