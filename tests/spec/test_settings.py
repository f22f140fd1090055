"""Settings: read once from the environment; what jobs read of them again."""

import pytest

from landfall.errors import SettingsError
from landfall.spec import Settings

GIVEN = {
    "LANDFALL_DATABASE_URL": "postgresql://u:p@h/d",
    "MLFLOW_TRACKING_URI": "postgresql://u:p@h/m",
    "LANDFALL_S3_ENDPOINT": "http://127.0.0.1:9000",
    "AWS_ACCESS_KEY_ID": "key",
    "AWS_SECRET_ACCESS_KEY": "secret",
}


def test_a_job_reads_the_same_database_and_store_that_the_settings_name() -> None:
    settings = Settings.read(GIVEN)
    told = settings.of_jobs
    assert told == {**{name: GIVEN[name] for name in told if name in GIVEN}, "AWS_DEFAULT_REGION": "us-east-1"}
    again = Settings.read({**told, "MLFLOW_TRACKING_URI": "x"})
    assert (again.database_url, again.s3) == (settings.database_url, settings.s3)


@pytest.mark.parametrize("name", ["LANDFALL_DATABASE_URL", "MLFLOW_TRACKING_URI"])
def test_a_setting_without_a_default_that_is_missing_is_named(name: str) -> None:
    with pytest.raises(SettingsError) as refused:
        Settings.read({each: value for each, value in GIVEN.items() if each != name})
    assert str(refused.value).startswith(f"The setting `{name}` is missing.\n")
