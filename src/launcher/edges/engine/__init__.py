"""The llama.cpp engine as a calculator: dry runs, on real GPUs or on simulated ones."""
