"""Short requests to servers, for health checks. None of them raises an error for a server that is down."""

import http.client
import socket


def http_get(port: int, path: str, *, seconds: float = 3.0) -> tuple[int, str]:
    """Status and body of GET http://127.0.0.1:port/path; status 0 and the reason if nothing answers."""
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=seconds)
    try:
        connection.request("GET", path)
        answer = connection.getresponse()
        return answer.status, answer.read().decode(errors="replace")
    except (OSError, http.client.HTTPException) as error:
        return 0, f"{type(error).__name__}: {error}"
    finally:
        connection.close()


def listens(port: int) -> bool:
    """True if something accepts connections on 127.0.0.1:port."""
    try:
        with socket.create_connection(("127.0.0.1", port), timeout=1):
            return True
    except OSError:
        return False
