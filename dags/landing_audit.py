"""# Landing audit: what landed and was missed gets its run

S3 is listed once per prefix and compared with the ledger. A partition that has landed and that no run has read gets its run:
old data, data that landed while its DAG was paused, data whose event was lost. A partition in which an object was replaced or
added is run again. A run that a server made fail is started again while its servers answer, after 5 minutes, then 10, 20 and
so on; a run that failed because of its input is not. A run that Airflow will not start, because its backfill was cancelled or
is paused, is replaced by another. The log of `audit_landings` names deleted objects, keys that belong to no partition, and feeds
that cannot be audited; they do not hold up the rest. No run of a paused DAG is started.

`send_alerts` tells people, at the addresses in `LANDFALL_ALERTS`, what `landfall status` shows as wrong: each thing once when
it begins, and once when it is over. It holds up no run.

Runs every quarter of an hour, on demand, within seconds when something lands that no run waits for, and when the last audit
knew of something to do. Safe to rerun: a second audit finds the runs that the first has started, and starts none.
If it fails, nothing is lost: the next audit finds the same. `landfall plan` shows what it would start, and what it leaves to
a person.
"""

from airflow.sdk import chain

from landfall.orchestration import audit_dag, audit_landings, send_alerts, start_runs

with audit_dag("landing_audit", doc_md=__doc__) as dag:
    due = audit_landings()
    started = start_runs(due)
    told = send_alerts()

    chain(due, started, told)
