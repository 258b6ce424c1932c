"""What planning costs: one plan, a check of 100 profiles on 3 machines, and the memory of the process.

Runs on a project made for the purpose: the shipped headers, profiles that differ in context, cache
and micro-batch, and three machines. Headers are in the launcher's cache, as they are after a first run.
"""

import subprocess
import sys
import time
from collections.abc import Sequence
from functools import partial
from itertools import cycle, islice, product
from pathlib import Path
from statistics import median
from tempfile import TemporaryDirectory

from measure import Row, cpu_seconds, launcher, table
from measure import seconds as cpu

from launcher.core.machine import Gpu, Machine
from launcher.core.plan import plan
from launcher.core.profiles import Profile
from launcher.core.subject import KnownModel, Subject
from launcher.core.units import GIB, MIB
from launcher.edges.files import write_atomic
from launcher.edges.headers import open_headers

ROOT = Path(__file__).parents[1]
PROFILES = 100
CONTEXTS = range(8192, 32768, 2048)
MACHINES = {
    "desk": ["24080MiB, free: 23600MiB", "15900MiB, free: 12500MiB"],
    "single": ["24080MiB, free: 23600MiB"],
    "server": ["81079MiB, free: 80500MiB"] * 2,
}
PEAK = """
import resource, subprocess, sys
subprocess.run(sys.argv[1:], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
print(resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss)
"""


def rows() -> list[Row]:
    with TemporaryDirectory() as folder:
        project = make_project(Path(folder))
        one = [launcher(), "plan", "profile-0", "--machine", "desk", *at(project)]
        check = [launcher(), "check", "--format", "junit", "--allow-unknown", *at(project)]
        return [
            Row(what="`launcher plan PROFILE`, CPU", measured=1000 * cpu_of(one), unit="ms", limit=250),
            Row(
                what=f"`launcher check`, {PROFILES} profiles x {len(MACHINES)} machines",
                measured=seconds(check),
                unit="s",
                limit=3,
            ),
            Row(what="memory of that process", measured=peak_mib(check), unit="MiB", limit=80),
            Row(what="one plan in-process, median model", measured=in_process(project), unit="ms", limit=5),
        ]


def at(project: Path) -> list[str]:
    return ["--conf", str(project / "models.conf")]


def make_project(folder: Path) -> Path:
    """A project with PROFILES profiles over the shipped headers."""
    (folder / "profiles" / "machines").mkdir(parents=True)
    (folder / "profiles" / "headers").symlink_to(ROOT / "profiles" / "headers")
    for name, gpus in MACHINES.items():
        lines = [f"  - {{name: GPU, total: {gpu}, compute_capability: '8.9', role: compute}}" for gpu in gpus]
        text = "\n".join([f"name: {name}", "host: {memory: 64GiB}", "gpus:", *lines, ""])
        (folder / "profiles" / "machines" / f"{name}.yml").write_text(text)
    models = sorted(path.name for path in (ROOT / "profiles" / "headers").glob("*.gguf"))
    settings = product(models, (8192, 32768, 131072), ("f16", "q8_0"), (512, 1024))
    sections = [
        f"[profile-{index}]\nMODEL={model}\nCTX_SIZE={n_ctx}\nCACHE_TYPE_K={cache}\nCACHE_TYPE_V={cache}\n"
        f"UBATCH={ubatch}\nFLASH_ATTN=on\nN_PARALLEL=1\n"
        for index, (model, n_ctx, cache, ubatch) in enumerate(islice(cycle(settings), PROFILES))
    ]
    (folder / "models.conf").write_text("\n".join(sections))
    return folder


def cpu_of(command: Sequence[str]) -> float:
    """CPU seconds; a plan that does not hold is no error here."""
    return cpu_seconds(["sh", "-c", '"$@" || true', "sh", *command])


def seconds(command: Sequence[str]) -> float:
    """Wall-clock seconds of one run, after one to warm up."""
    subprocess.run(command, stdout=subprocess.DEVNULL, check=False)
    begin = time.perf_counter()
    subprocess.run(command, stdout=subprocess.DEVNULL, check=False)
    return time.perf_counter() - begin


def peak_mib(command: Sequence[str]) -> float:
    """The largest resident size that `command` reached.

    Started by a small process, because Linux counts what the starting one had as the started one's.
    """
    done = subprocess.run([sys.executable, "-c", PEAK, *command], capture_output=True, text=True, check=True)
    return int(done.stdout) * 1024 / MIB


def in_process(project: Path) -> float:
    """Milliseconds of CPU for one plan of the median model: the median over contexts that weren't planned
    before, so that nothing that was worked out helps."""
    gpu = Gpu(name="GPU", total=24080 * MIB, free=23600 * MIB, role="compute", compute_capability="8.9")
    machine = Machine(name="two", gpus=(gpu, gpu), host_memory=64 * GIB)
    headers = open_headers(
        models=project / "models", snapshots=project / "profiles" / "headers", write=write_atomic
    )
    medians = []
    for path in (ROOT / "profiles" / "headers").glob("*.gguf"):
        known = KnownModel.of(path.name, headers.find(path.name))
        first, *others = (subject(path.name, known, n_ctx=n_ctx) for n_ctx in CONTEXTS)
        plan(first, machine)
        medians.append(median(cpu(partial(plan, each, machine)) for each in others))
    return 1000 * median(medians)


def subject(model: str, known: KnownModel, *, n_ctx: int) -> Subject:
    environment = {"LLAMA_ARG_CTX_SIZE": str(n_ctx), "LLAMA_ARG_N_PARALLEL": "1"}
    profile = Profile(name="sample", model=model, environment=environment, settings={})
    return Subject.of(profile, known)


if __name__ == "__main__":
    print(table("Plans", rows()))
