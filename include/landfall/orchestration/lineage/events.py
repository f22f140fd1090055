"""Turns a step's lineage into OpenLineage's classes. Only tasks import this module, because it loads OpenLineage."""

from typing import Any

from airflow.providers.openlineage.extractors import OperatorLineage
from attr import define
from openlineage.client.event_v2 import InputDataset, OutputDataset
from openlineage.client.facet_v2 import (
    DatasetFacet,
    InputDatasetFacet,
    OutputDatasetFacet,
    RunFacet,
    base_subset_dataset,
    dataset_type_dataset,
    dataset_version_dataset,
    input_statistics_input_dataset,
    output_statistics_output_dataset,
    schema_dataset,
)

from landfall.orchestration.lineage.datasets import Dataset, Lineage
from landfall.spec import Settings

KEY = "landfall_provenance"
"""The name of the run facet in an event. OpenLineage requires the form `{prefix}_{name}`."""


@define
class LandfallProvenanceRunFacet(RunFacet):
    """What a task ran for: the facts that a reader of a prediction wants first. A fact that does not apply is left out."""

    pipeline: str | None = None
    feed: str | None = None
    partition: str | None = None
    modelVersion: str | None = None
    publication: str | None = None
    codeVersion: str | None = None


def operator_lineage(lineage: Lineage, settings: Settings) -> OperatorLineage[Any, Any]:
    """The lineage in the form that the provider puts into the task's event."""
    pipeline, _, feed = lineage.feed.partition("/")
    provenance = LandfallProvenanceRunFacet(
        pipeline=pipeline or None,
        feed=feed or None,
        partition=lineage.partition or None,
        modelVersion=lineage.model_version or None,
        publication=lineage.publication or None,
        codeVersion=settings.code_version,
    )
    return OperatorLineage(
        inputs=[_input(dataset) for dataset in lineage.inputs],
        outputs=[_output(dataset) for dataset in lineage.outputs],
        run_facets={KEY: provenance},
    )


def _input(dataset: Dataset) -> InputDataset:
    facets: dict[str, InputDatasetFacet] = {}
    if dataset.days:
        facets["subset"] = base_subset_dataset.InputSubsetInputDatasetFacet(inputCondition=_partitions(dataset))
    if dataset.rows is not None or dataset.files is not None:
        facets["inputStatistics"] = input_statistics_input_dataset.InputStatisticsInputDatasetFacet(
            rowCount=dataset.rows, fileCount=dataset.files
        )
    return InputDataset(dataset.namespace, dataset.name, facets=_facets(dataset), inputFacets=facets)


def _output(dataset: Dataset) -> OutputDataset:
    facets: dict[str, OutputDatasetFacet] = {}
    if dataset.days:
        facets["subset"] = base_subset_dataset.OutputSubsetOutputDatasetFacet(outputCondition=_partitions(dataset))
    if dataset.rows is not None:
        facets["outputStatistics"] = output_statistics_output_dataset.OutputStatisticsOutputDatasetFacet(
            rowCount=dataset.rows
        )
    return OutputDataset(dataset.namespace, dataset.name, facets=_facets(dataset), outputFacets=facets)


def _facets(dataset: Dataset) -> dict[str, DatasetFacet]:
    facets: dict[str, DatasetFacet] = {
        "datasetType": dataset_type_dataset.DatasetTypeDatasetFacet(datasetType=dataset.kind)
    }
    if dataset.version:
        facets["version"] = dataset_version_dataset.DatasetVersionDatasetFacet(datasetVersion=dataset.version)
    if dataset.columns:
        fields = [schema_dataset.SchemaDatasetFacetFields(name=n, type=kind) for n, kind in dataset.columns.items()]
        facets["schema"] = schema_dataset.SchemaDatasetFacet(fields=fields)
    return facets


def _partitions(
    dataset: Dataset,
) -> base_subset_dataset.LocationSubsetCondition | base_subset_dataset.PartitionSubsetCondition:
    """The dataset's partitions, as the folders that hold them or as the days of the column that divides the table."""
    if not dataset.day_column:
        return base_subset_dataset.LocationSubsetCondition(locations=list(dataset.days))
    partitions = [base_subset_dataset.Partition(dimensions={dataset.day_column: day}) for day in dataset.days]
    return base_subset_dataset.PartitionSubsetCondition(partitions=partitions)
