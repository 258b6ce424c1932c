"""A profile from its layers: templates filled in, values checked, the command line put together."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from difflib import get_close_matches
from functools import cached_property

from launcher.core.errors import Problem
from launcher.core.machine import Machine
from launcher.core.options import FALSY, Argument, Option, arguments
from launcher.core.profiles import templates
from launcher.core.profiles.build import build
from launcher.core.profiles.command import complaints, sampler_words, split
from launcher.core.profiles.grammar import Document, problem
from launcher.core.profiles.keys import KEYS
from launcher.core.profiles.layers import Layers, Placed
from launcher.core.profiles.values import Profile, Sampler, Setting

DOWNLOAD_KEYS = ("HF_REPO", "MODEL_URL", "DOCKER_REPO")


@dataclass
class Resolution:
    """One profile on its way from text to value; collects everything that is wrong with it.

    lenient: without a machine, a template that needs one is no problem; it stays in the settings as it
    stands and sets nothing else.
    """

    document: Document
    layers: Layers
    samplers: Mapping[str, Sampler]
    machine: Machine | None
    lenient: bool = False
    placed: dict[str, Placed] = field(default_factory=dict)
    pending: dict[str, Setting] = field(default_factory=dict)
    problems: list[Problem] = field(default_factory=list)

    def run(self) -> Profile | None:
        """The profile, or None when `problems` says why there is none."""
        self.check()
        return None if self.problems else self._build()

    def check(self) -> None:
        """Fill in the templates, and collect the problems."""
        self.problems += self.layers.problems
        self.placed = self._render(self.layers.placed)
        self._check_values()
        if not self.layers.orphaned:
            self._check_model()
        self._check_command()

    @property
    def name(self) -> str:
        return self.layers.name

    def complain(self, placed: Placed, what: str, hint: str | None = None) -> None:
        path, line = self.document.path, placed.setting.line
        self.problems.append(problem(path, line, placed.section, placed.spelled, what, hint=hint))

    # templates

    def _render(self, raw: Mapping[str, Placed]) -> dict[str, Placed]:
        if not any(templates.is_template(placed.value) for placed in raw.values()):
            return dict(raw)
        plain = {key: placed.value for key, placed in raw.items() if not templates.is_template(placed.value)}
        sampler = self.samplers.get(plain.get("SAMPLER", ""))
        variables = templates.context(self.name, plain, sampler, self.machine)
        rendered = ((key, self._rendered(placed, variables)) for key, placed in raw.items())
        return {key: placed for key, placed in rendered if placed}

    def _rendered(self, placed: Placed, variables: Mapping[str, object]) -> Placed | None:
        """`placed` with its template filled in; None when it came out empty, or is wrong."""
        if not templates.is_template(placed.value):
            return placed
        try:
            value = templates.render(placed.value, variables)
        except templates.TemplateValueError as fault:
            if fault.needs_machine and self.lenient:
                self.pending[placed.setting.key] = placed.setting
            else:
                needs = "pass --machine NAME" if fault.needs_machine else None
                self.complain(
                    placed, f"template: {fault}", needs or "docs/models.conf.md lists the variables"
                )
            return None
        if "\n" in value:
            self.complain(placed, f"template: expected one line, got {value!r}")
            return None
        return replace(placed, setting=replace(placed.setting, value=value)) if value else None

    # checks

    def _check_values(self) -> None:
        for key, placed in self.placed.items():
            if wrong := KEYS[key].expected(placed.value):
                self.complain(placed, f"expected {wrong}, got {placed.value!r}")
        placed_sampler = self.placed.get("SAMPLER")
        if placed_sampler and placed_sampler.value not in self.samplers:
            near = get_close_matches(placed_sampler.value, self.samplers, n=1)
            known = ", ".join(self.samplers) or "none"
            hint = f"did you mean {near[0]}?" if near else f"profiles/samplers.yml has: {known}"
            self.complain(placed_sampler, f"no sampler {placed_sampler.value!r}", hint)

    def _check_model(self) -> None:
        given = {*self.placed, *self.pending}
        if not given & {"MODEL", *DOWNLOAD_KEYS}:
            line = self.document.sections[self.name].line
            hint = "set MODEL to the path of a GGUF file below the models folder"
            self.problems.append(
                problem(self.document.path, line, self.name, None, "has no MODEL", hint=hint)
            )

    def _check_command(self) -> None:
        extra = self.placed.get("EXTRA_ARGS")
        if not extra:
            return
        try:
            words = split(extra.value)
        except ValueError as error:
            self.complain(extra, f"expected words quoted as in a shell: {error}", "close every quote")
            return
        for complaint in complaints(words, own_image="IMAGE" in self.placed):
            self.complain(extra, *complaint)
        for argument in arguments(words):
            self._check_twin(extra, argument)

    def _check_twin(self, extra: Placed, argument: Argument) -> None:
        """Complain of an option that is set as a key too. MODEL and its like have their own complaint."""
        key = argument.option.key if argument.option else None
        twin = self.placed.get(key or "")
        if twin and KEYS[twin.setting.key].option:
            what = f"{argument.flag} is set as a key too: {twin.spelled} on line {twin.setting.line}"
            inherited = twin.section != extra.section
            drop = f"keep one of the two; an empty {twin.spelled}= drops what is inherited"
            self.complain(extra, what, drop if inherited else "keep one of the two")

    # the result

    @cached_property
    def _extra(self) -> list[Argument]:
        placed = self.placed.get("EXTRA_ARGS")
        return list(arguments(split(placed.value))) if placed else []

    def _sampler_flags(self) -> list[tuple[Option | None, tuple[str, ...]]]:
        """The sampler's flags that count: a key or a flag set as near as SAMPLER itself, or nearer, wins."""
        chosen = self.placed.get("SAMPLER")
        if not chosen:
            return []
        given = {argument.option for argument in self._extra}
        flags = []
        for flag, value in self.samplers[chosen.value].flags:
            words = sampler_words(flag, value)
            option = next(arguments(words)).option
            key = self.placed.get(option.key or "") if option else None
            if option not in given and not (key and key.depth >= chosen.depth):
                flags.append((option, words))
        return flags

    def _build(self) -> Profile:
        flags = self._sampler_flags()
        beaten = {option.key for option, _ in flags if option}
        settings = {key: placed.setting for key, placed in self.placed.items() if key not in beaten}
        origin = f"sampler {self.placed['SAMPLER'].value}" if flags else ""
        for _, (flag, *value) in flags:
            settings[flag] = Setting(key=flag, value=" ".join(value), origin=origin)
        command = [word for _, words in flags for word in words]
        command += [word for argument in self._extra for word in argument.words]
        return build(
            self.name,
            settings,
            self.pending,
            environment(settings),
            tuple(command),
            self.document.sections[self.name].line,
        )


def environment(settings: Mapping[str, Setting]) -> dict[str, str]:
    """The variables of llama-server, without those by which a profile says that it sets nothing.

    Of a bare flag the server reads only "on". A CTX_SIZE of 0 is the model's own context, which the
    fit may lower; told of a 0, the server would not lower it (``common/arg.cpp``, build 11160).
    """
    variables = {}
    for key, setting in settings.items():
        option = KEYS[key].option if key in KEYS else None
        off = option and option.kind == "flag" and setting.value in FALSY
        unset = key == "CTX_SIZE" and int(setting.value) == 0
        if option and option.env and not (off or unset):
            variables[option.env] = setting.value
    return variables
