"""# Bike demand by the hour: a model that is trained again after four weeks of rows

Decides whether to train whenever snapshots have become features or errors, and on demand. `decide` trains if four weeks of
rows have landed that the champion has not learnt from. Then a challenger is fitted on every hour that has landed, and `judge`
compares it with the champion on the newest hours, which neither has learnt from. A challenger that passes becomes the champion,
after a person's approval if the run's form demands it, and the hours that lie ahead are scored again.

Safe to rerun: a rerun decides, trains and compares again on what is there, and registers a new version.
If `train` fails, the champion stays; too few hours is the usual cause, and the message says how many there are. If `judge` is
skipped, the challenger was refused: its log, `landfall models bike_hourly` and MLflow say why. `landfall rollback
bike_hourly` goes back to the version that served before.
"""

from airflow.sdk import chain

from landfall.orchestration import (
    approve,
    collect_features,
    decide,
    find_stale,
    judge,
    promote,
    start_runs,
    train,
    training_dag,
)
from landfall.pipelines.bike_hourly import TRAINING

with training_dag(TRAINING, doc_md=__doc__) as dag:
    decided = decide(TRAINING)
    collected = collect_features(TRAINING)
    trained = train(TRAINING)
    judged = judge(TRAINING)
    approved = approve(TRAINING)
    promoted = promote(TRAINING)
    stale = find_stale(TRAINING)
    rescored = start_runs(stale)

    chain(decided, collected, trained, judged, approved, promoted, stale, rescored)
