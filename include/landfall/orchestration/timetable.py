"""One run per partition: its logical date IS the partition's day, and it is created some days before or after that day."""

from datetime import datetime, timedelta
from typing import Any

import pendulum
from airflow.timetables.base import DagRunInfo, DataInterval, TimeRestriction, Timetable
from airflow.utils.types import DagRunType

from landfall.errors import SpecError
from landfall.spec import Partition

DAY = timedelta(days=1)


class PartitionTimetable(Timetable):
    """Daily partitions in UTC, with one run each.

    A feed's run for day D is created at the start of day D - `ahead`: with 1 the day before (a forecast, which starts waiting
    one day ahead), with -1 when the day is over (for what is known only afterwards). Its data interval is D, and it can be
    backfilled. Without catch-up, days whose runs were never created are skipped, except the newest.

    Airflow sorts and labels runs by `run_after`, before which it starts none. If the day has begun, that is the day, in
    backfills too; for a run ahead of its day it is the moment of its creation.

    It does not follow local time: a day has 24 hours.
    """

    periodic = True
    can_be_scheduled = True

    def __init__(self, ahead: int) -> None:
        self.ahead = ahead
        self.when = {1: "a day ahead", -1: "when it is over"}.get(ahead, f"{ahead} days ahead")
        self.description = f"every UTC day, {self.when}"

    @property
    def summary(self) -> str:
        """The schedule that the UI shows."""
        return f"daily, {self.when}"

    def serialize(self) -> dict[str, Any]:
        """What the scheduler keeps of this timetable."""
        return {"ahead": self.ahead}

    @classmethod
    def deserialize(cls, data: dict[str, Any]) -> "PartitionTimetable":
        """The timetable that `serialize` kept."""
        return cls(data["ahead"])

    def infer_manual_data_interval(self, *, run_after: pendulum.DateTime) -> DataInterval:
        """The UTC day that holds the logical date of a run that is started by hand.

        Raises:
            ValueError: that day cannot be a partition; the form shows why.
        """
        try:
            Partition.holding(run_after).checked()
        except SpecError as error:
            raise ValueError(str(error)) from error
        start = _midnight(run_after)
        return DataInterval(start, start.add(days=1))

    def generate_run_id(
        self, *, run_type: DagRunType, run_after: pendulum.DateTime, data_interval: DataInterval | None, **extra: Any
    ) -> str:
        """The kind of run and its day (Airflow's own id would have the day of creation); for a run by hand, the moment."""
        moment = run_after if run_type == DagRunType.MANUAL or data_interval is None else data_interval.start
        return str(run_type.generate_run_id(suffix=moment.isoformat()))

    def next_dagrun_info(
        self, *, last_automated_data_interval: DataInterval | None, restriction: TimeRestriction
    ) -> DagRunInfo | None:
        """The run of the next day; None after the end date, or if there is no start date."""
        if restriction.earliest is None:
            return None
        day = _midnight(restriction.earliest + DAY - timedelta(microseconds=1))
        if last_automated_data_interval is not None:
            day = max(day, _midnight(last_automated_data_interval.start).add(days=1))
        if not restriction.catchup:
            day = max(day, _midnight(pendulum.now("UTC")).add(days=self.ahead))
        if restriction.latest is not None and day > restriction.latest:
            return None
        interval = DataInterval(day, day.add(days=1))
        # For the runs of a backfill, Airflow asks with catch-up and names them by `run_after`. It leaves out days that are not
        # over.
        over = restriction.catchup and interval.end <= pendulum.now("UTC")
        return DagRunInfo(run_after=day if over else day.add(days=-self.ahead), data_interval=interval)

    def next_run_info_from_dag_model(self, *, dag_model: Any) -> DagRunInfo | None:
        """The run that is created now, labelled by its day if that has begun."""
        info = super().next_run_info_from_dag_model(dag_model=dag_model)
        if info is None or info.logical_date is None:
            return info
        return info._replace(run_after=min(info.run_after, info.logical_date))


def _midnight(moment: datetime) -> pendulum.DateTime:
    return pendulum.instance(moment).in_timezone("UTC").start_of("day")
