"""Docker Compose launcher and profile manager for llama.cpp's server."""
