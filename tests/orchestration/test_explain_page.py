"""The page that a task's links lead to: what is known of a partition, for who may read the DAG."""

import json
from typing import Any

import httpx
import pytest
from airflow.sdk import DAG

from landfall.orchestration import make_features, publish_predictions
from landfall.orchestration.pages.explain_page import SHOWN, page
from landfall.pipelines.bike_demand import FORECAST

DAY = "2018-01-05"
BASE = "http://127.0.0.1:8080"


def told(**fields: str) -> dict[str, str]:
    return {**dict.fromkeys(SHOWN, ""), "state": "published", **fields}


def test_whatever_the_store_holds_stays_text() -> None:
    made = page("f <d>", [told(found="<script>alert(1)</script>'\"&", published="publication 7, 24 rows")], "")
    assert "<script" not in made
    assert "&lt;script&gt;alert(1)&lt;/script&gt;&#x27;&quot;&amp;" in made
    assert '<dt id="published">published</dt><dd>publication 7, 24 rows</dd>' in made
    assert "<h1>f &lt;d&gt;</h1>" in made
    assert '<dt id="run">' not in made


def test_an_error_is_shown_as_text_too() -> None:
    assert "<p>no &lt;b&gt;</p>" in page("f", [], "no <b>")
    assert "Nothing is known of this partition." in page("f", [], "")


@pytest.mark.parametrize("task", ["make_features", "publish"])
def test_a_step_leads_to_the_page_of_its_partition(task: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AIRFLOW__API__BASE_URL", f"{BASE}/")
    monkeypatch.setenv("LANDFALL_DATABASE_URL", "postgresql://localhost/unused")
    with DAG("bike_forecast", schedule=None):
        steps = {"make_features": make_features(FORECAST), "publish": publish_predictions(FORECAST)}
    step = steps[task]
    links = {each.name: each for each in step.operator_extra_links}
    assert links["Explain this partition"].get_link(step, ti_key=None) == "", "before the step was at work"
    step.partition = DAY
    address = f"{BASE}/landfall/explain/bike_forecast/bike_demand/forecast/{DAY}"
    assert links["Explain this partition"].get_link(step, ti_key=None) == address
    if task == "publish":
        assert links["Publication"].get_link(step, ti_key=None) == f"{address}#published"


def signed_in(stack: Any) -> httpx.Client:
    """A browser of somebody who has signed in: it has the token as a cookie."""
    passwords = json.loads((stack.home / "airflow-passwords.json").read_text())
    url = stack.settings.airflow_url
    asked = {"username": "admin", "password": passwords["admin"]}
    token = httpx.post(f"{url}/auth/token", json=asked, timeout=60).raise_for_status().json()["access_token"]
    return httpx.Client(base_url=url, timeout=120, cookies={"_token": token})


def test_the_page_tells_what_explain_tells_to_who_has_signed_in(stack: Any) -> None:
    with signed_in(stack) as browser:
        found = browser.get(f"/landfall/explain/bike_forecast/bike_demand/forecast/{DAY}")
        assert found.status_code == 200, found.text
        assert f"s3://landfall/bike_sharing/forecast/dt={DAY}/ at " in found.text
        assert '<dt id="published">published</dt><dd>nothing</dd>' in found.text
        other = browser.get(f"/landfall/explain/bike_actuals/bike_demand/forecast/{DAY}")
        assert (other.status_code, "has no such feed" in other.text) == (404, True)
        unknown = browser.get("/landfall/explain/bike_forecast/bike_demand/forecast/<b>")
        assert (unknown.status_code, "<b>" in unknown.text) == (404, False)


def test_a_stranger_is_told_nothing(stack: Any) -> None:
    url = f"{stack.settings.airflow_url}/landfall/explain/bike_forecast/bike_demand/forecast/{DAY}"
    for headers in ({}, {"Authorization": "Bearer x"}, {"Cookie": "_token=x"}):
        refused = httpx.get(url, headers=headers, timeout=60)
        assert refused.status_code in (401, 403), refused.text
        assert "s3://" not in refused.text
    for path in ("/landfall/", "/landfall/docs", "/landfall/openapi.json"):
        assert httpx.get(f"{stack.settings.airflow_url}{path}", timeout=60).status_code == 404
