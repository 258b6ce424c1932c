"""The engine's compute graph in outline: enough of it to know which buffers it needs."""
