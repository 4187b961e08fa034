"""Free TCP ports of this machine."""

import socket
from contextlib import ExitStack


def free_ports(*names: str) -> dict[str, int]:
    """A different free port of 127.0.0.1 for each name. Nothing holds them: they are for use at once."""
    with ExitStack() as stack:
        ports = {}
        for name in names:
            listener = stack.enter_context(socket.socket())
            listener.bind(("127.0.0.1", 0))
            ports[name] = listener.getsockname()[1]
        return ports
