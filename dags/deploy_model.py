"""# A model in a table: INSERT a row, read its prediction

The form names a registered model and a table. `deploy` compiles the version to SQL and puts it on the table as a trigger. From
then on every inserted row has its prediction, its probabilities and the model's version at once, without a model server. If
another version of the model scores the table, this one replaces it in one transaction: every write is scored by one of the two.
`rescore` scores the rows that were there before, in batches that do not hold up writers, if the form demands it.

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
