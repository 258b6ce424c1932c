"""The format of ``.env`` as Compose v2 reads it: write a value, and read it back.

Compose's reader (compose-go, package ``dotenv``) takes a value without quotes up to a comment and
expands ``$``; between single quotes it takes every character as it is; between double quotes it
undoes backslashes and expands ``$``.
"""

import re

from launcher.core.errors import misuse

_PLAIN = re.compile(r"[A-Za-z0-9_./:,@+-]+")
_CONTROL = re.compile(r"[\x00-\x1f\x7f]")
_ESCAPES = {"\\": "\\\\", '"': '\\"', "$": "\\$", "\n": "\\n", "\r": "\\r", "\t": "\\t"}
_UNESCAPES = {escaped: char for char, escaped in _ESCAPES.items()}
_ESCAPED = re.compile(r"\\.", re.DOTALL)
_LINE = re.compile(r"(?P<name>[A-Za-z_][A-Za-z0-9_]*)=(?P<value>.*)", re.DOTALL)


def quote(value: str) -> str:
    """`value` as it must stand after ``NAME=``; always one line.

    Raises UsageError on what no environment variable can hold.
    """
    if "\0" in value:
        raise misuse(f"a variable can't hold a NUL: {value!r}")
    if _PLAIN.fullmatch(value):
        return value
    if "'" not in value and not value.endswith("\\") and not _CONTROL.search(value):
        return f"'{value}'"
    return '"' + "".join(_ESCAPES.get(char, char) for char in value) + '"'


def parse(text: str) -> dict[str, str]:
    """The variables of a file made with `quote`, comments and blank lines left out.

    Raises ValueError on a line of another form.
    """
    return dict(_assignment(line) for line in text.split("\n") if line and not line.startswith("#"))


def _assignment(line: str) -> tuple[str, str]:
    match = _LINE.fullmatch(line)
    if not match:
        raise ValueError(f"expected NAME=value, got {line!r}")
    return match["name"], _unquote(match["value"])


def _unquote(text: str) -> str:
    if _PLAIN.fullmatch(text):
        return text
    if len(text) < 2 or text[0] != text[-1] or text[0] not in "'\"":
        raise ValueError(f"expected a quoted value, got {text!r}")
    if text[0] == "'":
        return text[1:-1]
    return _ESCAPED.sub(lambda match: _UNESCAPES[match[0]], text[1:-1])
