"""Dry runs of the engine: what it is asked, and what its answers mean."""

from launcher.core.dry_run.answers import Answer, read_load
from launcher.core.dry_run.fits import Fit, fitted_words, read_fit
from launcher.core.dry_run.questions import Question, fit_question, measure_question, understood
from launcher.core.dry_run.result import EngineResult
from launcher.core.dry_run.streams import doubts_of, streams_of

__all__ = [
    "Answer",
    "EngineResult",
    "Fit",
    "Question",
    "doubts_of",
    "fit_question",
    "fitted_words",
    "measure_question",
    "read_fit",
    "read_load",
    "streams_of",
    "understood",
]
