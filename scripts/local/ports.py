"""Free TCP ports of this machine."""

import socket
from contextlib import ExitStack


def free_ports(*names: str) -> dict[str, int]:
    """A different free port of 127.0.0.1 for each name, nobody else's for the next half a minute at least.

    A connection that was ended on a port keeps the system from giving that port to whoever asks for any, another
    cloud or a client on its way out; it does not keep a server from taking it by its number.
    """
    with ExitStack() as stack:
        return {
            name: _left_behind(stack.enter_context(socket.create_server(("127.0.0.1", 0)))) for name in names
        }


def _left_behind(listener: socket.socket) -> int:
    """The listener's port, after a connection that this side has ended first: TIME_WAIT is on its side."""
    port: int = listener.getsockname()[1]
    with socket.create_connection(("127.0.0.1", port)) as client:
        connection, _ = listener.accept()
        connection.close()
        assert client.recv(1) == b""
    return port
