"""The local target runs jobs on the warm Spark Connect server of the embedded stack or of docker-compose."""
