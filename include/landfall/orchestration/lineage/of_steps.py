"""What each step reads and writes. There is a function for each step, which takes the step's declaration and its report.

The report is empty until the step has succeeded. Then the lineage has no outputs, and its inputs are what the step would read.
"""

from collections.abc import Mapping
from typing import Any

from landfall.orchestration.lineage.datasets import (
    Lineage,
    database_table,
    delta_table,
    landed_objects,
    model_version,
    prediction_table,
    rows_file,
)
from landfall.spec import Feed, Landing, RowsFile, Settings, Training


def partition_landed(settings: Settings, landing: Landing, partition: str) -> Lineage:
    """The step that waits for a landing. It reads the objects that it waits for."""
    return Lineage(inputs=(landed_objects(settings, landing, partition),), feed=landing.name, partition=partition)


def features_made(settings: Settings, feed: Feed, partition: str, report: Mapping[str, Any]) -> Lineage:
    """The ETL step. It makes features from landed objects, and puts the rows that break the contract into quarantine."""
    landed = landed_objects(settings, feed.landing, partition, files=len(report["inputs"]) if report else None)
    written = {feed.features_table: report.get("rows"), feed.quarantine_table: report.get("quarantined")}
    outputs = [delta_table(settings, table, partition, rows=rows) for table, rows in written.items() if rows]
    joined = [prediction_table(settings, joined.table) for joined in feed.joined.values()]
    return Lineage(inputs=(landed, *joined), outputs=tuple(outputs), feed=feed.full_name, partition=partition)


def rows_published(settings: Settings, feed: Feed, partition: str, report: Mapping[str, Any]) -> Lineage:
    """The publishing step. It makes what readers see from features, and from a model version or earlier predictions.

    A publication that is skipped, because it is outdated or because there is nothing to publish, writes nothing.
    """
    publication, version = str(report.get("publication", "")), str(report.get("model_version", ""))
    inputs = [delta_table(settings, feed.features_table, partition)]
    if feed.model and version:
        inputs.append(model_version(feed.model, version))
    if feed.held_against:
        inputs.append(prediction_table(settings, feed.held_against, partition))
    published = prediction_table(settings, feed.table, partition, rows=report.get("rows"), publication=publication)
    return Lineage(
        inputs=tuple(inputs),
        outputs=(published,) if publication else (),
        feed=feed.full_name,
        partition=partition,
        model_version=version,
        publication=publication,
    )


def features_collected(settings: Settings, training: Training, report: Mapping[str, Any]) -> Lineage:
    """The step that completes the feature table before a training. It makes the features of days that have landed."""
    feed, days = training.feed, str(report.get("landed", ""))
    features = delta_table(settings, feed.features_table, days, rows=report.get("rows"))
    return Lineage(
        inputs=(landed_objects(settings, feed.landing, days),),
        outputs=(features,) if report else (),
        feed=feed.full_name,
    )


def model_trained(settings: Settings, training: Training, report: Mapping[str, Any]) -> Lineage:
    """The training step. It makes a model version from a snapshot, which pins a version of the feature table."""
    snapshot, version = report.get("snapshot", {}), str(report.get("version", ""))
    features = delta_table(
        settings,
        training.feed.features_table,
        str(snapshot.get("partitions") or ""),
        rows=report.get("rows"),
        version=str(snapshot.get("version", "")),
    )
    return Lineage(
        inputs=(features,),
        outputs=(model_version(training.model, version),) if version else (),
        feed=training.feed.full_name,
        model_version=version,
    )


def rows_landed(settings: Settings, report: Mapping[str, Any]) -> Lineage:
    """The step that lands a table model's rows. It writes one file, named after its content."""
    if not report:
        return Lineage()
    return Lineage(outputs=(rows_file(settings, RowsFile(**report["file"])),), feed=report["model"])


def rows_learnt(settings: Settings, report: Mapping[str, Any]) -> Lineage:
    """The step that trains a table model. It makes a model version from the rows of one file."""
    if not report:
        return Lineage()
    version = str(report["version"])
    return Lineage(
        inputs=(rows_file(settings, RowsFile(**report["file"])),),
        outputs=(model_version(report["model"], version),),
        feed=report["model"],
        model_version=version,
    )


def reasons_decided(settings: Settings, training: Training) -> Lineage:
    """The step that decides whether to train. It reads the newest features to measure drift."""
    features = delta_table(settings, training.feed.features_table)
    return Lineage(inputs=(features,), feed=training.feed.full_name)


def models_judged(settings: Settings, training: Training, report: Mapping[str, Any]) -> Lineage:
    """The gate. It compares challenger and champion on the newest features, and writes nothing."""
    judged, version = report.get("report", {}), str(report.get("version", ""))
    days, rows = str(judged.get("days") or ""), judged.get("rows")
    features = delta_table(settings, training.feed.features_table, days, rows=rows)
    versions = filter(None, (version, report.get("champion")))
    return Lineage(
        inputs=(features, *(model_version(training.model, str(number)) for number in versions)),
        feed=training.feed.full_name,
        model_version=version,
    )


def model_promoted(training: Training, report: Mapping[str, Any]) -> Lineage:
    """The promotion. From now on the version scores every day after those that it has learnt from."""
    version = str(report.get("model_version", ""))
    promoted = (model_version(training.model, version),) if version else ()
    return Lineage(outputs=promoted, feed=training.feed.full_name, model_version=version)


def model_deployed(settings: Settings, report: Mapping[str, Any]) -> Lineage:
    """The step that deploys a model version to a table. The version fills the table from now on."""
    if not report:
        return Lineage()
    model, version = report["model"], str(report["model_version"])
    return Lineage(
        inputs=(model_version(model, version),),
        outputs=(database_table(settings, report["table"]),),
        feed=model,
        model_version=version,
    )


def table_rescored(settings: Settings, report: Mapping[str, Any]) -> Lineage:
    """The step that scores a table in place. It reads and writes the table."""
    if not report:
        return Lineage()
    table = database_table(settings, report["table"])
    return Lineage(inputs=(table,), outputs=(table,), model_version=str(report["version"]))
