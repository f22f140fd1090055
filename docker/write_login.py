"""Write the file that Airflow's simple auth manager signs people in from: one user, a password from the environment."""

import json
import os
from pathlib import Path


def main() -> None:
    """Replace the passwords file by one that only its owner can read."""
    file = Path(os.environ["AIRFLOW__CORE__SIMPLE_AUTH_MANAGER_PASSWORDS_FILE"])
    file.parent.mkdir(parents=True, exist_ok=True)
    file.touch(mode=0o600)
    login = {os.environ["LANDFALL_AIRFLOW_USER"]: os.environ["LANDFALL_AIRFLOW_PASSWORD"]}
    file.write_text(json.dumps(login) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
