"""The ports of a cloud that is about to start are kept for it."""

import socket

import pytest

from local.ports import free_ports


def test_each_name_has_a_port_of_its_own() -> None:
    ports = free_ports("a", "b", "c")
    assert list(ports) == ["a", "b", "c"]
    assert len(set(ports.values())) == 3


def test_a_server_can_take_the_port_and_the_system_gives_it_to_nobody_else() -> None:
    (port,) = free_ports("server").values()
    with socket.socket() as other, pytest.raises(OSError, match="in use"):
        # As the system looks at it when somebody asks for any port.
        other.bind(("127.0.0.1", port))
    with socket.create_server(("127.0.0.1", port)) as server:
        assert server.getsockname() == ("127.0.0.1", port)
