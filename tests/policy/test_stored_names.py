"""Module paths that are stored where a move of ours does not reach: they stay."""

from importlib import import_module

import pytest

STORED = {
    "landfall.orchestration.landing_trigger:LandingTrigger": "Airflow's table of triggers, for every wait under way",
    "landfall.orchestration.champion_trigger:ChampionTrigger": "Airflow's table of triggers",
    "landfall.orchestration.joined_trigger:JoinedTrigger": "Airflow's table of triggers",
    "landfall.orchestration.landing_watcher:LandingWatcher": "Airflow's table of asset triggers",
    "landfall.orchestration.timetable:PartitionTimetable": "Airflow's serialized DAGs, for runs of older versions",
    "landfall.orchestration.lineage_files:DailyFiles": "AIRFLOW__OPENLINEAGE__TRANSPORT in a user's environment",
    "landfall.orchestration.plugin:LandfallPlugin": "the entry point of an installed wheel",
    "landfall.landing.aws_lambda:handler": "the configuration of a Lambda function",
    "landfall.serving.aws_lambda:handler": "the configuration of a Lambda function",
    "spark_jobs.__main__:main": "jobs of a Databricks workspace, by the wheel's entry point",
}


@pytest.mark.parametrize("path", STORED)
def test_a_name_that_others_store_is_where_it_was(path: str) -> None:
    module, _, name = path.partition(":")
    assert hasattr(import_module(module), name), STORED[path]
