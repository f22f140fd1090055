"""What each step reads and writes, told to OpenLineage."""
