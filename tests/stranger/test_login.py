"""A stranger at Airflow's login: after some wrong passwords they are refused unread, and nobody else is kept from signing in."""

import json
from typing import Any

from landfall.runs import AirflowApi

GUESS = """
import http.client, json, sys
port, codes = int(sys.argv[1]), []
for path in ("/auth/token", "/auth/token/cli"):
    for number in range(30):
        connection = http.client.HTTPConnection("127.0.0.1", port, timeout=30)
        body = json.dumps({"username": "admin", "password": f"guess {number}"})
        connection.request("POST", path, body, {"Content-Type": "application/json"})
        codes.append(connection.getresponse().status)
        connection.close()
print(json.dumps(codes))
"""


def test_the_login_that_tasks_have_starts_runs_and_reads_no_secret(stack: Any) -> None:
    api = AirflowApi(stack.settings)

    assert stack.settings.airflow_user == "landfall"
    assert stack.settings.airflow_password != json.loads((stack.home / "airflow-passwords.json").read_text())["admin"]
    assert {path: api.http.get(f"/api/v2/{path}").status_code for path in ("connections", "variables")} == {
        "connections": 403,
        "variables": 403,
    }
    assert api.http.patch("/api/v2/dags/landing_audit", json={"is_paused": True}).status_code == 200


def test_passwords_cannot_be_tried_without_end(stack: Any, stranger: Any) -> None:
    api = AirflowApi(stack.settings)
    port = str(api.http.base_url.port)
    told = stranger.run([GUESS, port])
    codes = json.loads(told.stdout)

    assert len(codes) == 60
    # 10, and one more every 6 s that the 60 took.
    assert set(codes[:10]) == {401}
    assert codes.count(429) > 30
    assert AirflowApi(stack.settings).http.headers["Authorization"]
    assert AirflowApi(stack.settings).http.get("/api/v2/dags").status_code == 200
