"""Where landed objects are, and the partition of an object: by the landing's own folders."""

import pytest

from landfall.spec import Landing, Partitions
from spark_jobs.lake import Lake
from spark_jobs.landed import LandedPartitions

LAKE = Lake("s3a://lake")


@pytest.mark.parametrize(
    ("landing", "partition", "folder"),
    [
        (Landing(prefix="bikes/forecast"), "2012-12-25", "bikes/forecast/dt=2012-12-25/"),
        (Landing(prefix="a", folder_format="dt=%Y-%m-%d/hr=%H"), "2012-12-25T07", "a/dt=2012-12-25/hr=07/"),
        (
            Landing(prefix="a", folder_format="%Y/%m/%d/%H", timezone="Europe/Berlin"),
            "2012-12-25T07",
            "a/2012/12/25/07/",
        ),
    ],
)
def test_a_folder_says_its_partition(landing: Landing, partition: str, folder: str) -> None:
    landed = LandedPartitions(LAKE, landing, Partitions.parse(partition))
    assert landed.folders == [f"s3a://lake/{folder}"]
    assert landed.partition_of(f"s3a://lake/{folder}hours.csv") == partition
    assert landed.partition_of("s3a://lake/elsewhere/hours.csv") == ""


def test_partitions_can_be_taken_out() -> None:
    landed = LandedPartitions(LAKE, Landing(prefix="a"), Partitions.parse("2011-01-01..2011-01-03"))
    assert str(landed.without(Partitions.parse("2011-01-02,2012-01-01")).partitions) == "2011-01-01,2011-01-03"
