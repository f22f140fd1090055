"""The cluster target: spark-submit to a standalone master, YARN or Kubernetes."""
