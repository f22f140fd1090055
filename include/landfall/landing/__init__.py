"""Landings: what has arrived in the object store, and how files get there.

Imports are kept light: nothing here imports boto3, numpy or the like until a function needs it, so a DAG file may import it.
"""
