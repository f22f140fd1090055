"""The databricks target: runs of the Jobs API of a workspace."""
