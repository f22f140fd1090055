"""The few messages of Kafka's protocol that a health check needs, without a client library and its threads."""

import socket
import struct
from collections.abc import Iterator
from contextlib import contextmanager

HANDSHAKE, AUTHENTICATE, METADATA, DESCRIBE_CLUSTER = 17, 36, 3, 60
"""Numbers of requests: https://kafka.apache.org/protocol.html#protocol_api_keys"""


def brokers(port: int, user: str, password: str, *, seconds: float = 3.0) -> int:
    """Signs in on 127.0.0.1:port by SASL/PLAIN, and gives the number of brokers that take records.

    Raises:
        OSError: nothing answers, or the login is refused (PermissionError).
    """
    with _connected(port, seconds) as connection:
        mechanism = b"PLAIN"
        refused = _ask(connection, HANDSHAKE, 1, struct.pack(">h", len(mechanism)) + mechanism)[:2]
        if refused != b"\0\0":
            raise PermissionError("the mechanism PLAIN is refused")
        login = f"\0{user}\0{password}".encode()
        if _ask(connection, AUTHENTICATE, 0, struct.pack(">i", len(login)) + login)[:2] != b"\0\0":
            raise PermissionError(f"the login of `{user}` is refused")
        answer = _ask(connection, METADATA, 1, struct.pack(">i", 0))  # no topic
        return int(struct.unpack(">i", answer[:4])[0])


def answers_strangers(port: int, *, seconds: float = 3.0) -> bool:
    """True if 127.0.0.1:port tells a client without a login about its cluster; false if it hangs up.

    Brokers and controllers know this request.

    Raises:
        OSError: nothing listens, or nothing happens for `seconds`.
    """
    with _connected(port, seconds) as connection:
        # Version 0, with the newer header, which ends with an empty list of tags; so does the request itself.
        message = struct.pack(">hhih", DESCRIBE_CLUSTER, 0, 1, -1) + b"\0" + b"\0" + b"\0"
        connection.sendall(struct.pack(">i", len(message)) + message)
        try:
            return bool(connection.recv(1))
        except ConnectionError:
            return False


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
