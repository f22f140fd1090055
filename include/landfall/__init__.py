"""Landfall: data lands, predictions follow."""

__version__ = "0.1.0"
