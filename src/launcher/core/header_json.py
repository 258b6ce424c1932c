"""A header as JSON text, for the cache: exact, and quicker to read than GGUF."""

import json

from launcher.core.header import Header, MetadataValue, SkippedArray, Tensor


def dump_header(header: Header) -> str:
    return json.dumps(
        {
            "metadata": {key: _encode(value) for key, value in header.metadata.items()},
            "tensors": [[each.name, each.shape, each.type, each.nbytes] for each in header.tensors],
            "file_bytes": header.file_bytes,
            "source": header.source,
        },
        separators=(",", ":"),
    )


def load_header(text: str) -> Header:
    """The header that `dump_header` wrote. Raises ValueError, KeyError or TypeError on other text."""
    value = json.loads(text)
    return Header(
        metadata={key: _decode(each) for key, each in value["metadata"].items()},
        tensors=tuple(
            Tensor(name, tuple(shape), kind, nbytes) for name, shape, kind, nbytes in value["tensors"]
        ),
        file_bytes=value["file_bytes"],
        source=value["source"],
    )


def _encode(value: MetadataValue) -> object:
    if isinstance(value, SkippedArray):
        return {"skipped": [value.element_type, value.length]}
    return value


def _decode(value: object) -> MetadataValue:
    match value:
        case {"skipped": [int(element_type), int(length)]}:
            return SkippedArray(element_type, length)
        case list():
            return tuple(value)
        case bool() | int() | float() | str():
            return value
    raise ValueError(f"no metadata value: {value!r}")
