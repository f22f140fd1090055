"""The emr target runs jobs as job runs of EMR Serverless."""
