"""`python -m landfall.stack.record_jars` fetches all jars anew and writes their digests (`make pins` does it)."""

import json
import tempfile
from pathlib import Path

from landfall.stack import jar_lock, jars, java, layout


def main() -> None:
    """Writes the digests of all jars, as they come from the network now."""
    with tempfile.TemporaryDirectory() as cache:
        written = {
            jar_set.name: jar_lock.digests(jars.retrieve(jar_set, Path(cache), java.choose(layout.cache())))
            for jar_set in jars.ALL
        }
    jar_lock.FILE.write_text(json.dumps(written, indent=1) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
