"""Docker Compose launcher and profile manager for llama.cpp's server."""

__version__ = "0.1.0"
