"""The databricks target runs jobs through the Jobs API of a workspace."""
