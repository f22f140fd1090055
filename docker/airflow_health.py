"""`airflow_health.py COMPONENT`: exit 0 if Airflow's API server calls the component healthy, 1 if not, 3 if nobody can know.

The API server itself is healthy when the API that tasks talk to has answered: its first request builds all of that API's
routes, and nothing else is answered meanwhile. For the scheduler, the triggerer and the DAG processor the server compares the
last heartbeat in the database with the clock: of those nothing is known while it, or the database, is away. Needs nothing but
Python, because a container's health check runs every few seconds.
"""

import json
import os
import sys
from urllib.request import urlopen

HEALTH, EXECUTION = "/api/v2/monitor/health", "/execution/health"
HEALTHY, UNHEALTHY, UNKNOWN = 0, 1, 3


def main(component: str) -> tuple[int, str]:
    """The exit code, and what came."""
    url = os.environ["LANDFALL_AIRFLOW_URL"] + (EXECUTION if component == "api-server" else HEALTH)
    try:
        with urlopen(url, timeout=5) as answer:  # noqa: S310  (the address is ours)
            told = json.load(answer)
    except (OSError, ValueError) as error:
        return UNHEALTHY if component == "api-server" else UNKNOWN, f"{component}: {url}: {error}"
    if component == "api-server":
        return HEALTHY, ""
    if (told.get("metadatabase") or {}).get("status") != "healthy":
        return UNKNOWN, f"{component}: the database is {told.get('metadatabase')}"
    state = told.get(component.replace("-", "_")) or {}
    return (HEALTHY, "") if state.get("status") == "healthy" else (UNHEALTHY, f"{component}: {state}")


if __name__ == "__main__":
    code, what = main(sys.argv[1])
    print(what, file=sys.stderr, end="\n" if what else "")
    sys.exit(code)
