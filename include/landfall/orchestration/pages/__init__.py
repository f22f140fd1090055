"""What Landfall adds to Airflow's UI: links of tasks, and the page that explains a partition."""
