"""Runs a Spark job at one of several targets, with the same command line. Each target has a folder here.

`services.service_of` says how to add a target.
"""
