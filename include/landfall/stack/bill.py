"""`python -m landfall.stack.bill PACKAGES OUT`: adds the jars to a bill of materials of the packages (CycloneDX JSON)."""

import json
import re
import sys
from pathlib import Path
from typing import Any

from landfall.stack import jar_lock, jars

_NAME = re.compile(r"(?P<name>.+?)-(?P<version>\d[\w.+-]*)\.jar")


def components() -> list[dict[str, Any]]:
    """Each jar with its SHA-256. The group is known only for the jars that `jars` names, not for those that came with them."""
    groups = {"{1}-{2}.jar".format(*jar.split(":")): jar.split(":")[0] for jar_set in jars.ALL for jar in jar_set.jars}
    listed = []
    for name, files in json.loads(jar_lock.FILE.read_text(encoding="utf-8")).items():
        for file, digest in files.items():
            match = _NAME.fullmatch(file)
            parts = match.groupdict() if match else {"name": file, "version": ""}
            group = groups.get(file)
            purl = f"pkg:maven/{group}/{parts['name']}@{parts['version']}" if group else f"pkg:generic/{file}"
            listed.append({
                "bom-ref": f"{name}/{file}",
                "type": "library",
                **({"group": group} if group else {}),
                **parts,
                "hashes": [{"alg": "SHA-256", "content": digest}],
                "purl": purl,
            })  # fmt: skip
    return listed


def main(packages: Path, out: Path) -> None:
    """Writes the bill of packages and jars."""
    bill = json.loads(packages.read_text(encoding="utf-8"))
    bill["components"] = [*bill.get("components", []), *components()]
    out.write_text(json.dumps(bill, indent=1) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main(Path(sys.argv[1]), Path(sys.argv[2]))
