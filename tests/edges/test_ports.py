"""Ports on the loopback."""

import os
import socket

from launcher.edges import ports


def test_a_listening_process_is_named() -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        holder = ports.holder("127.0.0.1", server.getsockname()[1])
    assert holder is not None
    assert f"(process {os.getpid()})" in holder


def test_a_free_port_has_no_holder() -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
    assert ports.holder("127.0.0.1", port) is None
