"""# Bike demand: learn from every day that has landed

Days that landed without a run get their features first; then a random forest is fitted on the feature table as it is, tracked
in MLflow with its snapshot, registered, and made the champion that `bike_forecast` scores with.

Safe to rerun: a rerun trains again on what is there and registers a new version.
If `train` fails, the champion stays; too few days is the usual cause, and the message says how many there are.
"""

from airflow.sdk import chain

from landfall.orchestration import collect_features, promote, train, training_dag
from landfall.pipelines.bike_demand import TRAINING

with training_dag(TRAINING, doc_md=__doc__) as dag:
    collected = collect_features(TRAINING)
    trained = train(TRAINING)
    promoted = promote(TRAINING)

    chain(collected, trained, promoted)
