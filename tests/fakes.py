"""Fakes of the edges, with the signatures of the Protocols that workflow consumes."""

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path

from launcher.core.answers import Health
from launcher.core.dry_run import Answer, Question
from launcher.core.evidence import Evidence
from launcher.core.header import Header
from launcher.core.launch import Instance, Memory, State
from launcher.core.machine import Machine
from launcher.core.render import Rendered
from launcher.workflow.world import Reporter, World

DRY_RUNS = Path(__file__).parent / "data" / "engine"


class FakeClock:
    """Time that passes only by sleeping; `at` runs something when a moment is reached."""

    def __init__(self) -> None:
        self.now = 0.0
        self.at: dict[float, Callable[[], None]] = {}

    def monotonic(self) -> float:
        return self.now

    def sleep(self, seconds: float) -> None:
        self.now += seconds
        for moment in [moment for moment in self.at if moment <= self.now]:
            self.at.pop(moment)()


@dataclass
class FakeRuntime:
    """Servers become healthy after `load_seconds`, unless their profile is in `broken` (they exit)."""

    clock: FakeClock
    load_seconds: float = 2.0
    broken: set[str] = field(default_factory=set)
    log: tuple[str, ...] = ()
    running: Instance | None = None
    ready_at: float = 0.0
    events: list[str] = field(default_factory=list)

    def instance(self) -> Instance | None:
        if self.running and self.running.state == "starting" and self.clock.now >= self.ready_at:
            failed = self.running.profile in self.broken
            self.running = replace(
                self.running, state="exited" if failed else "healthy", exit_code=1 if failed else None
            )
        return self.running

    def start(self, rendered: Rendered) -> None:
        self.events.append(f"start {rendered.profile}")
        self.ready_at = self.clock.now + self.load_seconds
        self.running = instance_of(rendered, "starting")

    def stop(self) -> None:
        if self.running:
            self.events.append(f"stop {self.running.profile}")
        self.running = None

    def logs(self, *, follow: bool = False, tail: int | None = None) -> Iterator[str]:
        yield from self.log


def captured(name: str) -> str:
    return (DRY_RUNS / name).read_text(encoding="utf-8")


@dataclass
class FakeEngine:
    """Answers with output captured on the reference machine, and remembers what it was asked."""

    fit_status: int = 0
    fit_log: str = ""
    asked: list[Question] = field(default_factory=list)
    files_kept: bool = False

    def keep_files(self) -> None:
        self.files_kept = True

    def ask(self, question: Question, header: Header, machine: Machine) -> Answer:
        self.asked.append(question)
        kind = "fit" if question.fits else "measure"
        return Answer(
            question=question,
            status=self.fit_status if question.fits else 0,
            output=captured(f"desk.{kind}.out"),
            log=captured(f"desk.{kind}.log") + (self.fit_log if question.fits else ""),
            command="llama fit-params",
        )


@dataclass
class FakeServer:
    runtime: FakeRuntime

    def health(self, url: str) -> Health:
        instance = self.runtime.instance()
        if instance is None or instance.url != url or instance.state == "exited":
            return "down"
        return "ok" if instance.state == "healthy" else "loading"


@dataclass
class FakePorts:
    taken: dict[int, str] = field(default_factory=dict)

    def holder(self, bind: str, port: int) -> str | None:
        return self.taken.get(port)


@dataclass
class FakeFiles:
    written: dict[str, str] = field(default_factory=dict)

    def write(self, files: Mapping[str, str]) -> None:
        self.written.update(files)


@dataclass
class FakeJournal:
    memory: Memory = field(default_factory=Memory)

    def read(self) -> Memory:
        return self.memory

    def write(self, memory: Memory) -> None:
        self.memory = memory


class FakeLock:
    @contextmanager
    def hold(self, purpose: str) -> Iterator[None]:
        yield


@dataclass
class FakeWitness:
    """Remembers who was recorded, and after how many seconds; recalls `evidence`."""

    recorded: list[tuple[str, float | None]] = field(default_factory=list)
    evidence: Evidence | None = None

    def record(self, rendered: Rendered, seconds: float | None, report: Reporter) -> None:
        self.recorded.append((rendered.profile, seconds))

    def recall(self, instance: Instance) -> Evidence | None:
        return self.evidence


@dataclass
class FakeReporter:
    answer: bool = True
    said: list[str] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)
    questions: list[str] = field(default_factory=list)

    def say(self, text: str, seconds: float | None = None) -> None:
        self.said.append(text)

    def note(self, text: str) -> None:
        self.notes.append(text)

    def agrees(self, question: str) -> bool:
        self.questions.append(question)
        return self.answer


@dataclass
class FakeDesk:
    """A project folder with everything faked."""

    clock: FakeClock = field(default_factory=FakeClock)
    files: FakeFiles = field(default_factory=FakeFiles)
    journal: FakeJournal = field(default_factory=FakeJournal)
    ports: FakePorts = field(default_factory=FakePorts)
    report: FakeReporter = field(default_factory=FakeReporter)
    witness: FakeWitness = field(default_factory=FakeWitness)
    free: dict[str, int] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.runtime = FakeRuntime(self.clock)
        self.world = World(
            runtimes={"compose": self.runtime},
            server=FakeServer(self.runtime),
            ports=self.ports,
            files=self.files,
            journal=self.journal,
            lock=FakeLock(),
            clock=self.clock,
            witness=lambda: self.witness,
            free_memory=lambda: dict(self.free),
        )


def desk_world(*, memory: Memory | None = None) -> FakeDesk:
    return FakeDesk(journal=FakeJournal(memory or Memory()))


def rendered(profile: str, *, port: int = 8080, plan_hash: str | None = None) -> Rendered:
    return Rendered(
        profile=profile,
        runtime="compose",
        image="ghcr.io/ggml-org/llama.cpp:server",
        environment={"LLAMA_ARG_FIT": "on"},
        command=("--jinja",),
        host_bind="127.0.0.1",
        host_port=port,
        files={".env": f"profile={profile}"},
        plan_hash=plan_hash or f"hash-{profile}",
    )


def instance_of(rendered: Rendered, state: State = "healthy", *, exit_code: int | None = None) -> Instance:
    return Instance(
        id=f"id-{rendered.profile}",
        profile=rendered.profile,
        runtime=rendered.runtime,
        plan_hash=rendered.plan_hash,
        state=state,
        exit_code=exit_code,
        url=rendered.url,
    )
