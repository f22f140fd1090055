"""Predictions served: the read functions, and the two programs that answer with them, an HTTP service and an AWS Lambda function.

`reader.py` holds the read functions. `app.py` puts them behind HTTP and `aws_lambda.py` behind an invocation, and neither has a
query of its own. Nothing heavy is imported here: `landfall lookup` and the functions' zip pay for each import.
"""
