"""# A model in a table: INSERT a row, read its prediction

The form names a registered model and a table. `deploy` compiles the version to SQL and puts it on the table as a trigger: from
then on every row that is inserted has its prediction, its probabilities and the model's version at once, and no model server
is asked. A table that another version of the model scores gets this one in its place, in one transaction: writers get the one
or the other, never none. `rescore` scores the rows that were there before, in batches that hold no writer up, if the form
asks for it.

Safe to rerun: deploying a version again changes nothing, and rows that it has scored are not scored again.
If `deploy` fails, nothing was changed; its message says what the table or the model lacks. Its log has every statement that
was run. `landfall deployments` lists what is deployed, `landfall rollback TABLE` goes back to the version before.
"""

from airflow.sdk import chain

from landfall.orchestration import deploy, deployment_dag, rescore

with deployment_dag("deploy_model", doc_md=__doc__) as dag:
    deployed = deploy()
    rescored = rescore()

    chain(deployed, rescored)
