"""Rows of a stream: read from a topic, judged by the contract, scored by SQL."""
