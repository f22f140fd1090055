"""Compiles a model to SQL: reads it into a small typed form, and writes that as expressions of PostgreSQL or Spark SQL."""

from landfall.scoring.dialect import Dialect, PostgreSQL, SparkSQL
from landfall.scoring.form import Model
from landfall.scoring.lightgbm_form import read_lightgbm
from landfall.scoring.plpgsql import RowLogic, Shortcut, row_logic
from landfall.scoring.sklearn_form import read_sklearn
from landfall.scoring.spark_form import read_spark
from landfall.scoring.spark_saved import Files
from landfall.scoring.sql import compile_model
from landfall.scoring.statement import Compiled
from landfall.scoring.xgboost_form import read_xgboost

__all__ = [
    "Compiled",
    "Dialect",
    "Files",
    "Model",
    "PostgreSQL",
    "RowLogic",
    "Shortcut",
    "SparkSQL",
    "compile_model",
    "read_lightgbm",
    "read_sklearn",
    "read_spark",
    "read_xgboost",
    "row_logic",
]
