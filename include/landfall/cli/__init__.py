"""The command line: `landfall --help`."""

from landfall.cli.app import main

__all__ = ["main"]
