"""`spark_secret.py COMMAND...`: write the secret of the Spark servers where they read it, then become the server.

The secret comes in LANDFALL_SPARK_SECRET, and goes to `spark-defaults.conf` in SPARK_CONF_DIR, which only its owner can
read: on the command line of a server everybody would see it. The server's own environment has it no more.
"""

import os
import sys
from pathlib import Path

from landfall.spec.settings import SPARK_GUARD, SPARK_SECRET


def main(command: list[str]) -> None:
    """Replace this process by `command`."""
    secret = os.environ.pop(SPARK_SECRET)
    folder = Path(os.environ["SPARK_CONF_DIR"])
    folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    file = folder / "spark-defaults.conf"
    file.unlink(missing_ok=True)
    file.touch(mode=0o600)
    lines = {**SPARK_GUARD, "spark.authenticate.secret": secret}
    file.write_text("".join(f"{name} {value}\n" for name, value in lines.items()), encoding="utf-8")
    os.execvp(command[0], command)  # noqa: S606  (no shell is wanted)


if __name__ == "__main__":
    main(sys.argv[1:])
