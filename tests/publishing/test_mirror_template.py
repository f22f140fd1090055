"""template.yaml has the mirror that the code needs: its table, made by moto's CloudFormation, and the rights to read it."""

import json
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import boto3
import pytest
import yaml
from moto import mock_aws

from landfall.publishing.keys import KeyValue
from landfall.publishing.mirror import MirrorReader, MirrorStore, ToCopy, mirror_partition
from landfall.publishing.reading import PublishedRow
from landfall.spec import DynamoMirror, PredictionTable

TEMPLATE = Path(__file__).parents[2] / "template.yaml"
NAME = "landfall-test"
TABLE = PredictionTable(
    name="predictions.mirrored",
    columns={"city": "text", "time": "timestamptz", "predicted": "double precision"},
    key=("city", "time"),
    mirror=DynamoMirror(table=NAME),
)
DAY, NOON = "2012-12-25", datetime(2012, 12, 25, 12, tzinfo=UTC)
KEY: dict[str, KeyValue] = {"city": "Washington", "time": NOON}
ROW = PublishedRow(
    key={**KEY},
    values={"predicted": 1.5},
    model_version="3",
    partition=DAY,
    published_at=NOON,
    publication=1,
    fingerprint="print",
)


class Loader(yaml.SafeLoader):
    """Reads the short forms of CloudFormation's functions as the long ones."""


def _function(loader: Any, name: str, node: Any) -> dict[str, object]:
    if isinstance(node, yaml.ScalarNode):
        value: object = loader.construct_scalar(node)
    elif isinstance(node, yaml.SequenceNode):
        value = loader.construct_sequence(node, deep=True)
    else:
        value = loader.construct_mapping(node, deep=True)
    if name == "GetAtt":
        value = str(value).split(".")
    return {name if name == "Ref" else f"Fn::{name}": value}


Loader.add_multi_constructor("!", _function)


@pytest.fixture
def aws(monkeypatch: pytest.MonkeyPatch) -> Any:
    for name in ("AWS_ENDPOINT_URL", "AWS_ENDPOINT_URL_S3", "AWS_ENDPOINT_URL_DYNAMODB", "AWS_PROFILE"):
        monkeypatch.delenv(name, raising=False)
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.setenv(name, "x")
    monkeypatch.setenv("AWS_DEFAULT_REGION", "us-east-1")
    with mock_aws():
        yield


def made(mirror: str) -> Any:
    """The policies of the look-up's role, after a stack of the mirror and of that role was made."""
    whole = yaml.load(TEMPLATE.read_text(encoding="utf-8"), Loader)
    parts = {name: whole["Resources"][name] for name in ("MirrorTable", "LookupRole")}
    names = ("Mirror", "DatabaseSecret", "Alarms")
    template = {
        "AWSTemplateFormatVersion": whole["AWSTemplateFormatVersion"],
        "Parameters": {name: whole["Parameters"][name] for name in names},
        "Conditions": whole["Conditions"],
        "Resources": parts,
    }
    given = {"Mirror": mirror, "DatabaseSecret": "arn:aws:secretsmanager:us-east-1:123456789012:secret:landfall"}
    boto3.client("cloudformation").create_stack(
        StackName="landfall",
        TemplateBody=json.dumps(template, default=str),
        Parameters=[{"ParameterKey": name, "ParameterValue": value} for name, value in given.items()],
        Capabilities=["CAPABILITY_IAM"],
    )
    iam: Any = boto3.client("iam")
    [role] = iam.list_roles()["Roles"]
    policies = {}
    for name in iam.list_role_policies(RoleName=role["RoleName"])["PolicyNames"]:
        written = iam.get_role_policy(RoleName=role["RoleName"], PolicyName=name)["PolicyDocument"]
        document = yaml.safe_load(written) if isinstance(written, str) else written  # moto gives what Python writes
        policies[name] = document["Statement"]
    return policies


def test_the_template_makes_the_table_that_the_command_would_make(aws: None) -> None:
    client: Any = boto3.client("dynamodb")

    def described() -> dict[str, object]:
        table = client.describe_table(TableName=NAME)["Table"]
        of_keys = {name: table[name] for name in ("KeySchema", "AttributeDefinitions")}
        return {**of_keys, "billing": table["BillingModeSummary"]["BillingMode"]}

    made(NAME)
    by_template = described()
    assert not MirrorStore(client, TABLE).make()
    client.delete_table(TableName=NAME)
    assert MirrorStore(client, TABLE).make()
    assert by_template == described()


def test_the_role_may_do_what_reading_the_mirror_does_and_no_more(aws: None) -> None:
    policies = made(NAME)
    client: Any = boto3.client("dynamodb")
    mirror_partition(MirrorStore(client, TABLE), DAY, lambda: ToCopy(
        publication=1, fingerprint="print", published_at=NOON, count=1, rows=lambda: [ROW],
    ))  # fmt: skip
    asked: set[str] = set()
    client.meta.events.register("before-call.dynamodb", lambda model, **_: asked.add(f"dynamodb:{model.name}"))
    reader = MirrorReader(client, TABLE)
    assert reader.rows([KEY, {**KEY, "city": "Paris"}], [DAY, DAY]) == [ROW, None]
    assert reader.nearest(DAY) == [DAY]
    [statement] = policies["mirror"]
    assert set(statement["Action"]) == asked
    assert statement["Resource"].endswith(f":table/{NAME}")


def test_without_a_mirror_the_role_reads_the_secret_alone(aws: None) -> None:
    assert set(made("")) == {"secret"}
    assert boto3.client("dynamodb").list_tables()["TableNames"] == []
