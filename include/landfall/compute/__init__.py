"""Running a Spark job somewhere: one command line, several targets, a folder each. A new target: see `services.service_of`."""
