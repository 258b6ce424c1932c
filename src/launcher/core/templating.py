"""The launcher's own templates (``src/launcher/templates``), filled in."""

from collections.abc import Callable, Mapping
from functools import cache
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from jinja2 import Environment

Filter = Callable[[str], str]


def render_template(name: str, *, filters: Mapping[str, Filter], **values: object) -> str:
    """The text of the template `name`; `filters` quote values for its format."""
    environment = _environment().overlay()
    environment.filters = {**environment.filters, **filters}
    return environment.get_template(name).render(values)


@cache
def _environment() -> "Environment":
    from jinja2 import Environment, PackageLoader, StrictUndefined

    return Environment(
        loader=PackageLoader("launcher"),
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
        autoescape=False,
    )
