"""Write the file that Airflow's simple auth manager signs in from: people as `admin`, and the audit as a user of its own."""

import json
import os
from pathlib import Path


def main() -> None:
    """Replace the passwords file by one that only its owner can read."""
    file = Path(os.environ["AIRFLOW__CORE__SIMPLE_AUTH_MANAGER_PASSWORDS_FILE"])
    file.parent.mkdir(parents=True, exist_ok=True)
    file.touch(mode=0o600)
    logins = {
        "admin": os.environ["LANDFALL_AIRFLOW_ADMIN_PASSWORD"],
        os.environ["LANDFALL_AIRFLOW_USER"]: os.environ["LANDFALL_AIRFLOW_PASSWORD"],
    }
    file.write_text(json.dumps(logins) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
