"""The ``gguf`` package's table of tensor types."""

from functools import cache
from importlib.util import find_spec, module_from_spec, spec_from_file_location
from pathlib import Path

from launcher.core.header import TensorType, TensorTypes


@cache
def tensor_types() -> TensorTypes:
    """Names and block sizes by ggml_type number.

    Only the module with the constants is run: the package itself imports numpy, which takes
    longer than everything else that `launcher plan` does.
    """
    package = find_spec("gguf")
    assert package is not None
    assert package.submodule_search_locations
    path = Path(package.submodule_search_locations[0]) / "constants.py"
    spec = spec_from_file_location("gguf_constants", path)
    assert spec is not None
    assert spec.loader is not None
    constants = module_from_spec(spec)
    spec.loader.exec_module(constants)
    return {int(kind): TensorType(kind.name, *sizes) for kind, sizes in constants.GGML_QUANT_SIZES.items()}
