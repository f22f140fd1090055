"""Landings: what has arrived in the object store, how files get there, and samples to land.

Light on purpose: nothing here imports boto3, numpy or the like until a function needs it, so a DAG file may import it.
"""
