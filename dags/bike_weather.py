"""# Weather of the days in Washington: published without a model

The hours of one day land as Parquet, in a folder that is named after a day of Washington's own time zone. They become one row
for the day, which is published as it is: `published.bike_weather`.

Safe to rerun: every step replaces exactly the day of its run.
If `make_features` fails, its message names the reasons and the rows are in quarantine.
"""

from airflow.sdk import chain

from landfall.orchestration import make_features, partitioned_dag, publish_rows, wait_for_landing
from landfall.pipelines.bike_weather import HOURS

with partitioned_dag(HOURS, doc_md=__doc__) as dag:
    landed = wait_for_landing(HOURS.landing)
    features = make_features(HOURS)
    published = publish_rows(HOURS)

    chain(landed, features, published)
