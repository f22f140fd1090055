"""Fill a publication's staging table: predictions by the champion, or the errors of what had been published."""

from collections.abc import Mapping
from typing import Any, NoReturn

from airflow.sdk import Asset, Context
from airflow.sdk.exceptions import AirflowSkipException

from landfall.errors import RunError
from landfall.orchestration.assets import features_asset, model_asset, table_asset
from landfall.orchestration.champion_trigger import ChampionTrigger
from landfall.orchestration.lineage import Lineage
from landfall.orchestration.lineage_of_steps import errors_measured, rows_scored
from landfall.orchestration.links import ModelVersionLink
from landfall.orchestration.log_lines import count
from landfall.orchestration.run_partition import PARTITION, partition_of
from landfall.orchestration.spark_step import Ask, Json, SparkStep
from landfall.orchestration.step import Report
from landfall.spec import Feed, PredictionTable, Settings


class Stage(SparkStep):
    """Open a publication, run the scoring job into its staging table."""

    feed: Feed

    def __init__(self, *, feed: Feed, model: str, reads: Asset, **kwargs: Any) -> None:
        super().__init__(job=feed.scoring, partition=PARTITION, inlets=[features_asset(feed), reads], **kwargs)
        self.feed, self.model = feed, model

    def stage(self, context: Context, settings: Settings, version: str, /, **more: str) -> Ask:
        """Rows into the staging table of a new publication."""
        from landfall.compute.code import code_of
        from landfall.publishing import Fingerprint, connect, open_publication

        read = context["ti"].xcom_pull(task_ids="make_features")
        made_from = Fingerprint(
            objects=dict(read["inputs"]),
            code_version=code_of(self.feed),
            model_version=version,
            contract=self.feed.contract.version,
            commit=settings.code_version,
        )
        with connect(settings) as connection:
            publication = open_publication(
                connection,
                self.feed.table,
                partition_of(context),
                run_id=context["run_id"],
                model_version=version,
                fingerprint=made_from,
                reading=read["reading"],
            )
        stages = f"{publication.partition}={publication.staging}#{publication.id}"
        return self.ask({"publication": publication.id, "model_version": version}, stages=stages, **more)

    def finish(self, context: Context, settings: Settings, report: Json, memo: Mapping[str, Any]) -> Json:
        """What is staged, with `publication`, its id, and `model_version`."""
        day = str(partition_of(context))
        self.log.info(
            "%s of %s staged as publication %d%s",
            count(report["staged"][day], "row"),
            day,
            memo["publication"],
            f", by version {memo['model_version']} of `{self.model}`" if memo["model_version"] else "",
        )
        return {"rows": report["staged"][day], "metrics": report.get("metrics", {}).get(day, {}), **memo}

    def skip(self, context: Context, settings: Settings, why: str) -> NoReturn:
        """Nothing is to be published, which is no failure: the ledger is told why.

        Raises:
            AirflowSkipException: always.
        """
        from landfall.ledger import excuse_reading
        from landfall.publishing import connect

        with connect(settings) as connection:
            excuse_reading(connection, context["ti"].xcom_pull(task_ids="make_features")["reading"], why)
        raise AirflowSkipException(why)


class Score(Stage):
    """Predict with the champion; before there is one, wait for it in the triggerer."""

    operator_extra_links = (ModelVersionLink(),)

    def __init__(self, *, model: str, **kwargs: Any) -> None:
        super().__init__(model=model, reads=model_asset(model), **kwargs)

    def prepare(self, context: Context, settings: Settings) -> Ask:
        """Predictions of the partition's features by the champion, or by the last version that may predict it."""
        from landfall.freshness.champion import champion
        from landfall.freshness.honest import is_honest, not_honest, version_for
        from landfall.freshness.serving import other_aliases
        from landfall.models.own import scoring_options
        from landfall.publishing import connect

        day = partition_of(context)
        with connect(settings) as connection:
            model = champion(settings, connection, self.model)
            if model is None:
                self.log.info("No champion of `%s` yet: waiting for the first.", self.model)
                self.defer(trigger=ChampionTrigger(self.model), method_name="resume")
                raise RunError("unreachable: a deferred task does not go on")
            for remark in other_aliases(connection, [self.model]):
                self.log.warning("%s", remark)
            if not is_honest(model, day):
                model = version_for(settings, connection, self.model, day)
        if model is None:
            self.skip(context, settings, not_honest(self.model, day))
        return self.stage(context, settings, model.version, **scoring_options(settings, model))

    def resume(self, context: Context, event: dict[str, Any]) -> Report:
        """There is a champion now."""
        return self.execute(context)

    def lineage(self, settings: Settings, partition: str, report: Mapping[str, Any]) -> Lineage:
        """Features and a model version in, staged predictions out."""
        return rows_scored(settings, self.feed, self.model, partition, report)


class MeasureErrors(Stage):
    """Hold what had been published for the day against what happened; skip where nothing had been."""

    def __init__(self, *, of: PredictionTable, **kwargs: Any) -> None:
        super().__init__(reads=table_asset(of), **kwargs)
        self.of = of

    @property
    def nothing(self) -> str:
        """Why there is nothing to measure."""
        return f"Nothing had been published in `{self.of.name}` for these hours."

    def prepare(self, context: Context, settings: Settings) -> Ask:
        """Errors of what readers see of the partition."""
        from landfall.publishing import connect, published

        with connect(settings) as connection:
            found = published(connection, self.of, partition_of(context))
        if found is None:
            self.skip(context, settings, self.nothing)
        return self.stage(context, settings, "")

    def finish(self, context: Context, settings: Settings, report: Json, memo: Mapping[str, Any]) -> Json:
        """What is staged; the errors are in MLflow too."""
        from landfall.freshness.watching import note_errors
        from landfall.publishing import connect

        staged = super().finish(context, settings, report, memo)
        if not staged["rows"]:
            self.skip(context, settings, self.nothing)
        with connect(settings) as connection:
            note_errors(settings, connection, self.model, partition_of(context), staged["metrics"])
        return {**staged, "model_version": ",".join(sorted(staged["metrics"]))}

    def lineage(self, settings: Settings, partition: str, report: Mapping[str, Any]) -> Lineage:
        """Features and what had been published in, staged errors out."""
        return errors_measured(settings, self.feed, self.of, partition, report)


def score(feed: Feed, *, model: str) -> Score:
    """The scoring step: predictions of the champion of `model`, staged."""
    return Score(task_id="score", feed=feed, model=model)


def measure_errors(feed: Feed, *, of: PredictionTable, model: str) -> MeasureErrors:
    """The measuring step: errors of what `of` had published, staged, and logged to the runs of `model`'s versions."""
    return MeasureErrors(task_id="measure_errors", feed=feed, of=of, model=model)
