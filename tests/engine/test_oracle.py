"""The engine says today what it said when the oracle was made: to the MiB, with its graph splits."""

import os
from concurrent.futures import ThreadPoolExecutor

import pytest

from engine_cases import cache_bytes, differences, missing_mib, room_bytes, tuning_task
from launcher.core.tune import cache_limit, ranked
from launcher.core.tune.parents import CacheLimit
from launcher.edges.engine import DirectEngine
from launcher.edges.headers.types import tensor_types
from launcher.edges.oracle import OracleFolder
from launcher.workflow.accuracy import measure_accuracy
from launcher.workflow.tune import tune
from oracle_cases import FOLDER, Case, load_cases

pytestmark = [
    pytest.mark.engine,
    pytest.mark.oracle,
    pytest.mark.skipif(not FOLDER.is_dir(), reason="no ../shared/oracle here"),
]

CASES = load_cases()[::7] if FOLDER.is_dir() else []
CHUNK = 20
JOBS = os.cpu_count() or 1


def test_the_sample_is_large_enough() -> None:
    assert len(CASES) >= 300
    assert {case.raw["machine"] for case in CASES} >= {"1x3060", "4090+5070Ti", "8xH100"}


def test_the_accuracy_page_takes_the_engines_answers_for_what_they_are(engine: DirectEngine) -> None:
    report = measure_accuracy(OracleFolder(FOLDER, tensor_types()), every=150, engine=engine, jobs=JOBS)
    assert len(report.again) == len(report.comparisons) >= 14
    assert [found.case.name for found in report.again if not found.is_exact] == []


@pytest.mark.parametrize("start", range(0, len(CASES), CHUNK))
def test_a_case_is_reproduced(engine: DirectEngine, start: int) -> None:
    cases = CASES[start : start + CHUNK]
    with ThreadPoolExecutor(JOBS) as pool:
        found = pool.map(lambda case: differences(engine, case), cases)
    assert {case.id: said for case, said in zip(cases, found, strict=True) if said} == {}


MISSED = [case for case in load_cases() if missing_mib(case) > 0] if FOLDER.is_dir() else []
SMALL = [case for case in MISSED if "671B" not in case.gguf and "405B" not in case.gguf]


@pytest.mark.parametrize("case", SMALL[::4], ids=lambda case: str(case.id).replace("/", "-"))
def test_where_the_fit_misses_its_margin_tuning_finds_a_setting(engine: DirectEngine, case: Case) -> None:
    trials = tune(engine, tuning_task(case), jobs=JOBS)
    best = ranked(trials)[0]
    assert not trials[0].holds
    assert best.holds
    assert best.n_ctx >= trials[0].n_ctx


PREDICTING = [
    case
    for case in (load_cases() if FOLDER.is_dir() else [])
    if case.raw["model"] in ("Qwen3.6-35B-A3B-MTP", "GLM-4.5-Air")
    and case.raw["args"]["fit"]
    and case.raw["engine"].get("n_gpu_layers", -1) > 0
]
SHORT = [
    case
    for case in PREDICTING
    if case.raw["engine"]["n_gpu_layers"] <= case.raw["engine"]["initial"]["n_layer"]
    and not missing_mib(case)
]
LONG = [case for case in PREDICTING if case not in SHORT]


@pytest.mark.parametrize("case", LONG[::10], ids=lambda case: str(case.id).replace("/", "-"))
def test_a_model_that_predicts_tokens_keeps_its_first_layer_on_the_gpu(
    engine: DirectEngine, case: Case
) -> None:
    trials = tune(engine, tuning_task(case), jobs=JOBS)
    best = ranked(trials)[0]
    assert trials[0].host_layers > 0
    assert (best.holds, best.host_layers) == (True, 0)


@pytest.mark.parametrize("case", SHORT, ids=lambda case: str(case.id).replace("/", "-"))
def test_where_the_cache_has_room_the_first_layer_has_too(engine: DirectEngine, case: Case) -> None:
    """The fit leaves many layers on the host. None has to stay, unless the cache of all is larger
    than the GPUs: then that is said."""
    trials = tune(engine, tuning_task(case), jobs=JOBS)
    best, limit = ranked(trials)[0], cache_limit(trials)
    assert best.holds
    assert best.n_ctx >= trials[0].n_ctx
    if cache_bytes(case) > room_bytes(case):
        assert best.host_layers > 0
        assert limit == CacheLimit(needed=cache_bytes(case), room=room_bytes(case))
    else:
        assert (best.host_layers, limit) == (0, None)
