"""The llama.cpp engine as a calculator: dry runs, on real GPUs or on simulated ones."""

from launcher.edges.engine.dry_runs import DirectEngine, DockerEngine

__all__ = ["DirectEngine", "DockerEngine"]
