"""The local target: the warm Spark Connect server of the embedded stack, or of docker-compose."""
