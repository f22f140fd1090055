"""The emr target: job runs of EMR Serverless."""
