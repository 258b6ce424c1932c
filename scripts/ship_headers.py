"""Make profiles/headers/: the headers of the shipped profiles' models.

usage: python scripts/ship_headers.py FOLDER [FILE...]

FOLDER holds reconstructed headers (NAME.gguf.gz: a GGUF file's bytes up to its tensor data) and
sizes.json with the size of each file as a whole. They were made from published configurations, not
read from published files, and are labelled so. Each FILE is a real GGUF file whose header is kept.
"""

import gzip
import json
import sys
from dataclasses import dataclass
from pathlib import Path

from launcher.core.gguf_split import read_parts
from launcher.core.snapshot import Origin, snapshot_name, take_snapshot
from launcher.edges.files import write_atomic
from launcher.edges.headers.file import read_file_parts
from launcher.edges.headers.types import tensor_types

HEADERS = Path(__file__).parents[1] / "profiles" / "headers"
SHIPPED = (
    "GLM-4.7-Flash-Q4_K_M.gguf",
    "GLM-4.7-Flash-Q8_0.gguf",
    "Qwen3.5-35B-A3B-Q6_K.gguf",
    "Qwen3.5-122B-A10B-Q4_K_M.gguf",
    "Qwen3.5-27B-Q6_K.gguf",
    "gpt-oss-120b-MXFP4.gguf",
    "Qwen3-Next-80B-A3B-Instruct-Q5_K_M.gguf",
)


@dataclass(frozen=True, slots=True)
class Reconstructed:
    """The bytes of a header, in a file of which the rest is not there."""

    name: str
    size: int
    data: bytes

    def read(self, offset: int, length: int) -> bytes:
        return self.data[offset:]


def reconstructed(folder: Path, name: str) -> bytes:
    """The snapshot of the model `name`, from the header in `folder`."""
    size = json.loads((folder / "sizes.json").read_text())[name]
    source = Reconstructed(name, size, gzip.decompress((folder / f"{name}.gz").read_bytes()))
    origin = Origin(kind="reconstructed", name=name, file_bytes=size)
    return take_snapshot(read_parts([source], tensor_types()), origin)


def main(folder: str, *files: str) -> None:
    for name in SHIPPED:
        write_atomic(HEADERS / name, reconstructed(Path(folder), name))
    for file in map(Path, files):
        write_atomic(HEADERS / snapshot_name(file.name), take_snapshot(*read_file_parts(file)))


if __name__ == "__main__":
    main(*sys.argv[1:])
