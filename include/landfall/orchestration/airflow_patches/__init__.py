"""What Landfall changes in Airflow's own processes: a file a change, with its reason and how to see that it is needed no more."""
