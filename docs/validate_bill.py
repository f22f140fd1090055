"""`validate_bill.py FILE`: exit 0 if a bill of materials follows the schema of CycloneDX. `make sbom` runs it."""

import sys
from pathlib import Path

from cyclonedx.schema import SchemaVersion
from cyclonedx.validation.json import JsonStrictValidator

if __name__ == "__main__":
    file = Path(sys.argv[1])
    wrong = JsonStrictValidator(SchemaVersion.V1_6).validate_str(file.read_text(encoding="utf-8"))
    sys.exit(f"{file}: {wrong}" if wrong else 0)
