"""Logs and metrics: structured lines with the run in each, metrics in CloudWatch's embedded format."""

from aws_lambda_powertools import Logger, Metrics

logger = Logger(utc=True)
metrics = Metrics()
