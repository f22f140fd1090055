"""Generated passwords and keys: made once, and kept as long as the data that they guard."""

import base64
import json
import secrets
from dataclasses import asdict, dataclass, field, fields
from pathlib import Path

from landfall.errors import StackError
from landfall.stack.envfile import write_whole


def _word() -> str:
    return secrets.token_hex(16)


def _fernet_key() -> str:
    return base64.urlsafe_b64encode(secrets.token_bytes(32)).decode()


@dataclass(frozen=True, kw_only=True)
class Secrets:
    """Every secret of one stack. Its repr shows none of them."""

    postgres: str = field(default_factory=_word, repr=False)
    database_airflow: str = field(default_factory=_word, repr=False)
    database_mlflow: str = field(default_factory=_word, repr=False)
    database_landfall: str = field(default_factory=_word, repr=False)
    database_reader: str = field(default_factory=_word, repr=False)
    database_serving: str = field(default_factory=_word, repr=False)
    database_capture: str = field(default_factory=_word, repr=False)
    database_flowers: str = field(default_factory=_word, repr=False)
    s3_access_key: str = field(default_factory=lambda: secrets.token_hex(10).upper(), repr=False)
    s3_secret_key: str = field(default_factory=lambda: secrets.token_hex(20), repr=False)
    models_access_key: str = field(default_factory=lambda: secrets.token_hex(10).upper(), repr=False)
    models_secret_key: str = field(default_factory=lambda: secrets.token_hex(20), repr=False)
    spark_token: str = field(default_factory=_word, repr=False)
    kafka_landfall: str = field(default_factory=_word, repr=False)
    kafka_broker: str = field(default_factory=_word, repr=False)
    connect: str = field(default_factory=_word, repr=False)
    databricks_token: str = field(default_factory=_word, repr=False)
    mlflow_admin: str = field(default_factory=_word, repr=False)
    mlflow_session: str = field(default_factory=_word, repr=False)
    airflow_admin: str = field(default_factory=_word, repr=False)
    airflow_landfall: str = field(default_factory=_word, repr=False)
    airflow_fernet: str = field(default_factory=_fernet_key, repr=False)
    airflow_jwt: str = field(default_factory=_word, repr=False)
    airflow_api: str = field(default_factory=_word, repr=False)

    @classmethod
    def load_or_create(cls, path: Path, *, data_exists: bool = False) -> "Secrets":
        """The secrets in `path` (mode 0600). Missing ones are generated and written there.

        Raises:
            StackError: the file is not JSON, or it is gone while the data that it guards is still there.
        """
        if not path.exists() and data_exists:
            raise StackError(
                f"The passwords of the stack's data are gone: `{path.name}` is missing.",
                looked=str(path),
                left=f"the data is untouched in {path.parent / 'data'}",
                next=f"put the file back, or move {path.parent} away and run: landfall up",
            )
        try:
            kept = json.loads(path.read_text(encoding="utf-8")) if path.exists() else {}
        except ValueError as error:
            raise StackError(f"The secrets file `{path}` is not JSON.", looked=str(error)) from error
        complete = cls(**{secret.name: kept[secret.name] for secret in fields(cls) if secret.name in kept})
        if asdict(complete) != kept:
            write_whole(path, json.dumps(asdict(complete), indent=1) + "\n")
        return complete
