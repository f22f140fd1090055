"""# Bike demand by the hour: the riders of each hour ahead

A weather forecast for one hour lands as JSON lines. The hour gets the number of riders that the champion expects, and is swapped
in the prediction table by itself. The run of an hour is created, and starts waiting, one day ahead.

Safe to rerun: every step replaces exactly the hour of its run.
If `wait_for_landing` waits, the forecast is late. If `make_features` fails, its message names the reasons and the rows are
in quarantine. Before there is a model, `publish` waits for the first.
"""

from airflow.sdk import chain

from landfall.orchestration import make_features, partitioned_dag, publish_predictions, wait_for_landing
from landfall.pipelines.bike_hourly import FORECAST

with partitioned_dag(FORECAST, doc_md=__doc__) as dag:
    landed = wait_for_landing(FORECAST.landing)
    features = make_features(FORECAST)
    published = publish_predictions(FORECAST)

    chain(landed, features, published)
