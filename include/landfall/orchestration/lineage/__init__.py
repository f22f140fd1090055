"""Reports to OpenLineage what each step reads and writes."""
