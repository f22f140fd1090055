"""# A table model: trained on rows that do not land day by day

The form names the model. `land_rows` gets the rows from the model's declaration and puts them into the bucket, as one Parquet
file that is named after its content. `train_rows` holds some rows out to measure how good the model is, fits it on all rows, and
registers a version in MLflow: the challenger, with the file that it has learnt from. It predicts nothing until it is deployed
to a table.

Safe to rerun: the same rows make the same file and give the same model, as a new version. No deployment changes.
If `train_rows` fails, its message names the column or the rows that cannot be learnt from, and no version was made.
`landfall train iris` starts this DAG and waits; `landfall models iris` lists the versions.
"""

from airflow.sdk import chain

from landfall.orchestration import land_rows, table_model_dag, train_rows

with table_model_dag("train_model", doc_md=__doc__) as dag:
    landed = land_rows()
    trained = train_rows()

    chain(landed, trained)
