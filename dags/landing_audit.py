"""# Landing audit: what landed and was missed gets its run

S3 is listed once a prefix and held against the ledger. A partition that landed and that no run has read gets its run: old
data, data that landed while its DAG was paused, data whose event was lost. A partition whose object was replaced, or got one
more, is run again. A run that a server made fail is started again while its servers answer, after 5 minutes, then 10, 20 and
so on; one that failed by its input is not. A run that Airflow will not start, because its backfill was cancelled or is
paused, is replaced by another. A deleted object, a key that belongs to no partition and a feed that cannot be audited are
named in the log of `audit_landings`; they stop no other. Nothing of a paused DAG is started.

Runs every quarter of an hour, on demand, within seconds when something lands that no run is waiting for, and when the audit
before knew of something to do. Safe to rerun: a second audit finds the runs that the first has started, and starts none.
If it fails, nothing is lost: the next audit sees the same. `landfall plan` shows what it would start, and what it leaves to
a person.
"""

from airflow.sdk import chain

from landfall.orchestration import audit_dag, audit_landings, start_runs

with audit_dag("landing_audit", doc_md=__doc__) as dag:
    due = audit_landings()
    started = start_runs(due)

    chain(due, started)
