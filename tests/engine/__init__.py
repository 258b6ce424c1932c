"""Tests with the real llama.cpp and its real CUDA backend, on simulated GPUs."""
