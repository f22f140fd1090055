"""The few messages of Kafka's protocol that a health check needs, without a client library and its threads."""

import socket
import struct
from collections.abc import Iterator
from contextlib import contextmanager

HANDSHAKE, AUTHENTICATE, METADATA = 17, 36, 3
"""Numbers of requests: https://kafka.apache.org/protocol.html#protocol_api_keys"""
LET_IN, WRONG_LOGIN = 0, 58
"""Numbers of errors, of which 0 is none: https://kafka.apache.org/protocol.html#protocol_error_codes"""


def brokers(port: int, user: str, password: str, *, seconds: float = 3.0) -> int:
    """Signs in on 127.0.0.1:port by SASL/PLAIN, and gives the number of brokers that take records.

    Raises:
        OSError: nothing answers, or the login is refused (PermissionError).
    """
    with _connected(port, seconds) as connection:
        if refused := _sign_in(connection, user, password):
            raise PermissionError(f"the login of `{user}` is refused with error {refused}")
        answer = _ask(connection, METADATA, 1, struct.pack(">i", 0))  # no topic
        return int(struct.unpack(">i", answer[:4])[0])


def asks_for_a_login(port: int, *, seconds: float = 3.0) -> bool:
    """True if 127.0.0.1:port, of a broker or a controller, turns an unknown user away. One without logins knows no such message.

    A client that does not sign in at all would be turned away too, but with a stack trace in the server's log.

    Raises:
        OSError: nothing answers.
    """
    with _connected(port, seconds) as connection:
        return _sign_in(connection, "nobody", "nothing") == WRONG_LOGIN


def _sign_in(connection: socket.socket, user: str, password: str) -> int:
    """The error of a login, or `LET_IN`."""
    mechanism, login = b"PLAIN", f"\0{user}\0{password}".encode()
    error = _error(_ask(connection, HANDSHAKE, 1, struct.pack(">h", len(mechanism)) + mechanism))
    return error or _error(_ask(connection, AUTHENTICATE, 0, struct.pack(">i", len(login)) + login))


def _error(answer: bytes) -> int:
    return int.from_bytes(answer[:2], "big", signed=True)


@contextmanager
def _connected(port: int, seconds: float) -> Iterator[socket.socket]:
    with socket.create_connection(("127.0.0.1", port), timeout=seconds) as connection:
        yield connection


def _ask(connection: socket.socket, key: int, version: int, body: bytes) -> bytes:
    """Sends one request, and gives the answer without its header."""
    message = struct.pack(">hhih", key, version, 1, -1) + body
    connection.sendall(struct.pack(">i", len(message)) + message)
    (size,) = struct.unpack(">i", _exactly(connection, 4))
    if not 4 <= size <= 1_000_000:
        raise ConnectionError(f"an answer of {size} bytes is none of Kafka's")
    return _exactly(connection, size)[4:]


def _exactly(connection: socket.socket, count: int) -> bytes:
    read = b""
    while len(read) < count:
        part = connection.recv(count - len(read))
        if not part:
            raise ConnectionError("the server hung up")
        read += part
    return read
