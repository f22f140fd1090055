"""The way to the registry: how long it waits."""

import pytest

from landfall.models.client import patient, registry
from landfall.spec import Settings

LIMITS = (
    "connect_timeout=10&keepalives_idle=30&keepalives_interval=10&keepalives_count=3&tcp_user_timeout=60000"
    "&options=-cstatement_timeout=120000"
)


@pytest.mark.parametrize(
    ("uri", "asked"),
    [
        ("postgresql+psycopg2://u:p@h:1/d", f"postgresql+psycopg2://u:p@h:1/d?{LIMITS}"),
        (
            "postgresql://u:p@h/d?sslmode=require&connect_timeout=3",
            f"postgresql://u:p@h/d?{LIMITS.partition('&')[2]}&sslmode=require&connect_timeout=3",
        ),
        ("http://mlflow:5000", "http://mlflow:5000"),
        ("sqlite:////tmp/mlflow.db", "sqlite:////tmp/mlflow.db"),
    ],
)
def test_a_database_is_asked_with_limits_unless_its_address_has_its_own(uri: str, asked: str) -> None:
    assert patient(uri) == asked


def test_no_statement_of_the_registry_waits_for_ever(local_settings: Settings) -> None:
    with registry(local_settings) as client:
        engine = client._tracking_client.store.engine
        with engine.connect() as connection:
            assert connection.exec_driver_sql("SHOW statement_timeout").scalar() == "2min"
            assert connection.connection.dbapi_connection.info.dsn_parameters["tcp_user_timeout"] == "60000"
