"""Landfall's changes to Airflow's own processes: one file each, with the reason and how to see that it is no longer needed."""
