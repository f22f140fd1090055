"""`airflow_health.py COMPONENT`: exit 0 if Airflow's API server calls the component healthy.

The API server itself is healthy when the API that tasks talk to has answered: its first request builds all of that API's
routes, and nothing else is answered meanwhile. For the scheduler, the triggerer and the DAG processor the server compares the
last heartbeat in the database with the clock. Needs nothing but Python, because a container's health check runs every few
seconds.
"""

import json
import os
import sys
from urllib.request import urlopen

HEALTH, EXECUTION = "/api/v2/monitor/health", "/execution/health"


def main(component: str) -> str:
    """Empty when healthy, else what came."""
    path = EXECUTION if component == "api-server" else HEALTH
    with urlopen(os.environ["LANDFALL_AIRFLOW_URL"] + path, timeout=5) as answer:  # noqa: S310  (the address is ours)
        told = json.load(answer)
    if component == "api-server":
        return ""
    state = told.get(component.replace("-", "_")) or {}
    return "" if state.get("status") == "healthy" else f"{component}: {state}"


if __name__ == "__main__":
    sys.exit(main(sys.argv[1]) or 0)
