"""Airflow's own UI in a real browser: sign in, see the DAGs, run `bike_forecast` for a day, see it succeed; deploy a model.

With LANDFALL_SCREENSHOTS=FOLDER the finished run is kept as FOLDER/run.png: the picture of the README. The form of
`deploy_model` is kept as FOLDER/deploy_form.png.
"""

import json
import os
import shutil
import time
import uuid
from collections.abc import Callable, Iterator
from datetime import UTC, date, datetime
from pathlib import Path
from subprocess import CompletedProcess
from typing import Any, Protocol

import pandas as pd
import pytest
from psycopg import sql
from selenium import webdriver
from selenium.common.exceptions import (
    ElementClickInterceptedException,
    ElementNotInteractableException,
    NoSuchElementException,
    StaleElementReferenceException,
)
from selenium.webdriver.chrome.service import Service
from selenium.webdriver.common.by import By
from selenium.webdriver.support import expected_conditions as see
from selenium.webdriver.support.ui import WebDriverWait
from sklearn.tree import DecisionTreeClassifier

from landfall import database
from landfall.database import fetch, run
from landfall.deployments import TableName, deployed, deployments, undeploy
from landfall.landing.by_hand.split import land
from landfall.models.log_model import log_model
from landfall.models.registry import registry
from landfall.objects.client import connect
from landfall.runs import AirflowApi
from landfall.samples import write_sample
from landfall.spec import Partition, Settings

pytestmark = pytest.mark.browser

DAY = Partition(date(2014, 12, 25))
DAGS = ["bike_actuals", "bike_forecast", "bike_training"]
STEPS = ["wait_for_landing", "make_features", "publish"]
INSTALL = "apt-get install -y chromium chromium-driver"
FORM = [
    "Model", "Table", "Schema", "Version", "Make the table", "Primary key", "Classes", "Fed by", "Which column feeds what",
    "A row that cannot be scored", "Score the rows that are there too",
]  # fmt: skip
"""The fields of the form of `deploy_model`."""
PATIENCE = 300
"""Seconds for a page to show what it is to show."""


class Stack(Protocol):
    """The suite's stack, as far as this test asks it."""

    @property
    def settings(self) -> Settings: ...


def program(*names: str) -> str:
    """The first of these programs that is there. Without one the test is skipped; in CI it fails."""
    if found := next(filter(None, map(shutil.which, names)), None):
        return found
    missing = f"{names[0]} is not installed: {INSTALL}"
    if os.environ.get("CI", "").lower() in ("1", "true"):
        pytest.fail(missing)
    pytest.skip(missing)


@pytest.fixture(scope="module")
def browser(tmp_path_factory: pytest.TempPathFactory) -> Iterator[webdriver.Chrome]:
    """A window of 1440 x 900 without a screen. Selenium is told both programs, so it downloads none."""
    options = webdriver.ChromeOptions()
    options.binary_location = program("chromium", "chromium-browser", "google-chrome")
    profile = tmp_path_factory.mktemp("profile")
    for option in ("headless=new", "no-sandbox", "disable-dev-shm-usage", "window-size=1440,1043", "lang=en-US",
                   "force-device-scale-factor=1", "hide-scrollbars", f"user-data-dir={profile}"):  # fmt: skip
        options.add_argument(f"--{option}")
    driver = webdriver.Chrome(options=options, service=Service(program("chromedriver")))
    try:
        yield driver
    finally:
        driver.quit()


@pytest.fixture(scope="module")
def landed(stack: Stack, tmp_path_factory: pytest.TempPathFactory) -> Partition:
    """The forecast of one day lies in S3."""
    files = write_sample("bike_demand", tmp_path_factory.mktemp("forecast"), 1, DAY.day)
    forecast = next(each.path for each in files if each.feed == "forecast")
    s3 = stack.settings.s3
    land(connect(s3), s3.bucket, "bike_demand/forecast", forecast, first=DAY, last=DAY)
    return DAY


def wait(browser: webdriver.Chrome, until: Callable[[Any], Any]) -> Any:
    """What `until` gives, once it gives something; a page that changes under our hands is looked at again."""
    passing = (NoSuchElementException, StaleElementReferenceException, ElementNotInteractableException,
               ElementClickInterceptedException)  # fmt: skip
    return WebDriverWait(browser, PATIENCE, poll_frequency=0.25, ignored_exceptions=passing).until(until)


def click(browser: webdriver.Chrome, by: str, what: str) -> None:
    """Clicks once, as soon as the element can be."""

    def try_it(page: webdriver.Chrome) -> bool:
        element = page.find_element(by, what)
        if not element.is_enabled():
            return False
        element.click()
        return True

    wait(browser, try_it)


def fill(browser: webdriver.Chrome, css: str, keys: str, value: str) -> None:
    """Types `keys` into a field until it holds `value`."""

    def try_it(page: webdriver.Chrome) -> bool:
        field = page.find_element(By.CSS_SELECTOR, css)
        if field.get_attribute("value") != value:
            field.clear()
            field.send_keys(keys)
        return bool(page.find_element(By.CSS_SELECTOR, css).get_attribute("value") == value)

    wait(browser, try_it)


def text_of(browser: webdriver.Chrome) -> str:
    return browser.find_element(By.TAG_NAME, "body").text


def sign_in(browser: webdriver.Chrome, settings: Settings) -> None:
    browser.get(settings.airflow_url)
    fill(browser, "input[name=username]", settings.airflow_user, settings.airflow_user)
    fill(browser, "input[name=password]", settings.airflow_password, settings.airflow_password)
    click(browser, By.CSS_SELECTOR, "button[type=submit]")
    wait(browser, lambda page: "/auth/login" not in page.current_url)


def trigger(browser: webdriver.Chrome, day: Partition) -> None:
    """The form of a run started by hand, with the day typed as in the browser's language (US English)."""
    click(browser, By.CSS_SELECTOR, "[data-testid=trigger-dag-button]")
    fill(browser, "#element_day", day.day.strftime("%m%d%Y"), str(day))
    click(browser, By.CSS_SELECTOR, "[data-testid=trigger-dag-submit]")
    wait(browser, see.invisibility_of_element_located((By.CSS_SELECTOR, "[data-testid=trigger-dag-submit]")))


def run_since(api: AirflowApi, dag_id: str, began: datetime, **form: str) -> str:
    """The id of the run that was started by hand since `began`, with this in its form."""
    until = time.monotonic() + PATIENCE
    while time.monotonic() < until:
        page: dict[str, str | int] = {
            "run_type": "manual",
            "order_by": "-id",
            "limit": 20,
            "run_after_gte": began.isoformat(),
        }
        runs = api.http.get(f"/api/v2/dags/{dag_id}/dagRuns", params=page).json()["dag_runs"]
        if ours := [run["dag_run_id"] for run in runs if form.items() <= run["conf"].items()]:
            assert len(ours) == 1
            return str(ours[0])
        time.sleep(0.5)
    pytest.fail("the form started no run")


def task_row(name: str) -> tuple[str, str]:
    """The row of one task in a run's list of tasks, once it says that the task succeeded."""
    return By.XPATH, f"//tr[.//a[normalize-space()='{name}'] and .//*[normalize-space()='Success']]"


def task_box(name: str) -> tuple[str, str]:
    """The box of one task in the graph, once it says that the task succeeded."""
    return By.XPATH, f"//*[@data-id='{name}' and contains(., '{name}') and contains(., 'success')]"


def keep_screenshot(browser: webdriver.Chrome, name: str) -> None:
    if folder := os.environ.get("LANDFALL_SCREENSHOTS"):
        time.sleep(1)  # what moves has come to rest
        Path(folder).mkdir(parents=True, exist_ok=True)
        assert browser.save_screenshot(str(Path(folder) / name))


@pytest.fixture
def table(stack: Stack) -> Iterator[str]:
    """The name of a table that is to be made; dropped afterwards, with the model that scores it."""
    name = f"t_{uuid.uuid4().hex[:8]}"
    yield name
    with database.connect(stack.settings) as conn:
        if TableName("public", name) in [each.table for each in deployments(conn)]:
            undeploy(conn, TableName("public", name))
        run(conn, sql.SQL("DROP TABLE IF EXISTS {}").format(sql.Identifier("public", name)))


@pytest.fixture(scope="module")
def model(stack: Any) -> Iterator[str]:
    """A registered model: a tree that tells `small` from `large`."""
    name, rows = f"test_{uuid.uuid4().hex[:8]}", pd.DataFrame({"size": [1.0, 2.0, 3.0, 4.0]})
    with pytest.MonkeyPatch.context() as patch:
        for variable, value in stack.env.items():
            if variable.startswith(("AWS_", "MLFLOW_")):
                patch.setenv(variable, value)
        tree = DecisionTreeClassifier(max_depth=1).fit(rows, [0, 0, 1, 1])
        log_model(stack.settings, name, tree, rows, classes=["small", "large"])
    yield name
    with registry(stack.settings) as client:
        client.delete_registered_model(name)


@pytest.mark.usefixtures("trained")
def test_a_person_signs_in_sees_the_dags_runs_a_day_and_sees_it_succeed(
    stack: Stack, browser: webdriver.Chrome, landed: Partition, landfall: Callable[..., "CompletedProcess[str]"]
) -> None:
    url, api = stack.settings.airflow_url, AirflowApi(stack.settings)
    sign_in(browser, stack.settings)
    browser.get(f"{url}/dags")
    wait(browser, lambda b: all(b.find_elements(By.LINK_TEXT, name) for name in DAGS))
    assert "Dag Import Errors" not in text_of(browser)

    click(browser, By.LINK_TEXT, "bike_forecast")
    began = datetime.now(UTC)
    trigger(browser, landed)
    run_id = run_since(api, "bike_forecast", began, day=str(DAY))
    api.wait("bike_forecast", run_id, lambda _: None, patience=600)

    browser.get(f"{url}/dags/bike_forecast/runs/{run_id}")
    for name in STEPS:
        wait(browser, see.visibility_of_element_located(task_row(name)))
    assert "Failed" not in text_of(browser)
    click(browser, By.CSS_SELECTOR, "[aria-label^='Show Graph']")
    for name in STEPS:
        wait(browser, see.visibility_of_element_located(task_box(name)))
    keep_screenshot(browser, "run.png")

    time_of_noon = f"time={landed}T12:00:00Z"
    row = landfall("lookup", "bike_demand", "city=Washington", "state=D.C.", time_of_noon, "--json")
    assert json.loads(row.stdout)["predicted"] > 0
    assert datetime.fromisoformat(json.loads(row.stdout)["published_at"]) > began


def test_a_person_deploys_a_model_to_a_table_by_a_form(
    stack: Stack, browser: webdriver.Chrome, model: str, table: str
) -> None:
    url, api = stack.settings.airflow_url, AirflowApi(stack.settings)
    browser.get(f"{url}/dags/deploy_model")
    wait(
        browser,
        lambda page: page.find_elements(By.CSS_SELECTOR, "input[name=username], [data-testid=trigger-dag-button]"),
    )
    if browser.find_elements(By.CSS_SELECTOR, "input[name=username]"):
        sign_in(browser, stack.settings)
        browser.get(f"{url}/dags/deploy_model")
    began = datetime.now(UTC)
    click(browser, By.CSS_SELECTOR, "[data-testid=trigger-dag-button]")
    wait(browser, see.presence_of_element_located((By.ID, "element_model")))
    lines = [line.rstrip("*").strip() for line in text_of(browser).splitlines()]
    assert [line for line in lines if line in FORM] == FORM
    keep_screenshot(browser, "deploy_form.png")
    fill(browser, "#element_model", model, model)
    fill(browser, "#element_table", table, table)
    click(browser, By.ID, "switch:element_create_table")
    fill(browser, "#element_primary_key", "id", "id")
    browser.execute_script("arguments[0].scrollIntoView()", browser.find_element(By.ID, "element_primary_key"))
    keep_screenshot(browser, "deploy_form_end.png")
    click(browser, By.CSS_SELECTOR, "[data-testid=trigger-dag-submit]")
    wait(browser, see.invisibility_of_element_located((By.CSS_SELECTOR, "[data-testid=trigger-dag-submit]")))

    run_id = run_since(api, "deploy_model", began, table=table)
    api.wait("deploy_model", run_id, lambda _: None, patience=600)
    browser.get(f"{url}/dags/deploy_model/runs/{run_id}")
    wait(browser, see.visibility_of_element_located(task_row("deploy")))
    wait(browser, lambda page: "Skipped" in text_of(page))
    assert "Failed" not in text_of(browser)
    with database.connect(stack.settings) as conn:
        assert deployed(conn, TableName("public", table)).model == model
        insert = sql.SQL("INSERT INTO {} (id, size) VALUES (1, 4) RETURNING prediction").format(sql.Identifier(table))
        assert fetch(conn, insert) == [("large",)]
