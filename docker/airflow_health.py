"""`airflow_health.py COMPONENT`: exit 0 if Airflow's API server calls the component healthy.

The API server itself is healthy when it answers. For the scheduler, the triggerer and the DAG processor it compares
the last heartbeat in the database with the clock. Needs nothing but Python, because a container's
health check runs every few seconds.
"""

import json
import os
import sys
from urllib.request import urlopen

HEALTH = "/api/v2/monitor/health"


def main(component: str) -> str:
    """Empty when healthy, else what came."""
    url = os.environ["LANDFALL_AIRFLOW_URL"] + HEALTH
    with urlopen(url, timeout=5) as answer:  # noqa: S310  (the address is ours)
        told = json.load(answer)
    if component == "api-server":
        return ""
    state = told.get(component.replace("-", "_")) or {}
    return "" if state.get("status") == "healthy" else f"{component}: {state}"


if __name__ == "__main__":
    sys.exit(main(sys.argv[1]) or 0)
