"""End-to-end tests: real Docker, real Compose, real llama.cpp."""
