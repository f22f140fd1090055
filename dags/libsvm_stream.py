"""# Handwritten digits as a stream: scored by SQL, accuracy as it happens

Rows of Spark's sample arrive in a Kafka topic. Each batch is scored by the serving version of `libsvm` as a SQL expression, and
commits its predictions, its windows of 10 seconds (`streams.libsvm_accuracy`) and its offsets in one transaction. A version that
is promoted meanwhile scores from the next batch on.

The one task waits in the triggerer until the stream is stopped; the part `streams` of the stack drives it. Its log says once a
minute how the stream stands. Safe to rerun: the database knows which offset comes next. Ending the run stops the stream; switch
the DAG off too, or a new run starts it again: `landfall stream stop libsvm_stream` does both.
If the stream fails, `landfall stream status libsvm_stream` says why; it is tried again and again.
"""

from airflow.sdk import chain

from landfall.orchestration import run_stream, stream_dag
from landfall.pipelines.libsvm import LIBSVM_STREAM

with stream_dag(LIBSVM_STREAM, doc_md=__doc__) as dag:
    running = run_stream(LIBSVM_STREAM)

    chain(running)
