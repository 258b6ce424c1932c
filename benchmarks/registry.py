"""CPU time that a models.conf of 1,000 profiles takes to load, validate and resolve."""

from measure import Row, best, seconds, table

from launcher.core.profiles import Registry, Sampler, parse, validate

PROFILES = 1000
LIMIT_MS = 500
SAMPLERS = {"cool": Sampler(name="cool", flags=(("--temp", "0.6"), ("--top-p", "0.95")))}
HEAD = """[*]
FIT=on
FLASH_ATTN=on
CACHE_TYPE_K=q8_0
CACHE_TYPE_V=q8_0
BATCH=2048
UBATCH=512
N_PARALLEL=1
EXTRA_ARGS=--jinja
"""


def models_conf(profiles: int) -> str:
    """A registry like the shipped one: each second profile extends the one before it."""
    return HEAD + "".join(map(_section, range(profiles)))


def _section(number: int) -> str:
    if number % 2:
        return f"\n# for measuring\n[model-{number}]\nEXTENDS=model-{number - 1}\nCTX_SIZE=10240\nBATCH=512\n"
    return (
        f"\n# number {number}\n[model-{number}]\nNAME=Model {number}\nDESCRIPTION=One of many\n"
        f"MODEL=family/model-{number}-Q8_0.gguf\nSAMPLER=cool\nCTX_SIZE={1024 * (1 + number % 128)}\n"
        f"PLACEMENT=gpu\nALIAS={{{{ profile.name }}}}-alias\nEXTRA_ARGS=--jinja --seed {number}\n"
    )


def load(text: str) -> None:
    assert not validate(parse(text, "models.conf"), SAMPLERS)


def resolve_all(registry: Registry) -> None:
    for name in registry.names():
        registry.resolve(name, samplers=SAMPLERS)


def rows() -> list[Row]:
    text = models_conf(PROFILES)
    registry = parse(text, "models.conf")
    what = f"{PROFILES:,} profiles, {len(text.splitlines()):,} lines:"
    return [
        Row(
            what=f"{what} load and validate, first time",
            measured=1000 * seconds(lambda: load(text)),
            unit="ms",
            limit=LIMIT_MS,
        ),
        Row(
            what=f"{what} load and validate",
            measured=1000 * best(lambda: load(text)),
            unit="ms",
            limit=LIMIT_MS,
        ),
        Row(what=f"{what} resolve all", measured=1000 * best(lambda: resolve_all(registry)), unit="ms"),
    ]


if __name__ == "__main__":
    print(table("A large models.conf", rows()))
