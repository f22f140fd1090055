"""`python -m landfall.serving`: the service as the embedded stack and docker-compose.yaml start it."""

import argparse
import sys

from landfall.errors import LandfallError
from landfall.serving.server import serve
from landfall.serving.settings import ServingSettings


def main() -> int:
    """Answers until it is asked to end. Exit code 1 if a setting is missing or malformed."""
    parser = argparse.ArgumentParser(prog="landfall.serving")
    parser.add_argument("--host", default="127.0.0.1")
    parser.add_argument("--port", type=int, required=True)
    parser.add_argument("--public", action="store_true", help="answer those who show no key, too")
    options = parser.parse_args()
    try:
        serve(ServingSettings.read(public=options.public), host=options.host, port=options.port)
    except LandfallError as error:
        print(f"error: {error}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
