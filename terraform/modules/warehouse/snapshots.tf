# The provider makes single snapshots only, and Redshift Serverless' own scheduled actions not at all: EventBridge
# Scheduler calls the API. Snapshots outlive the namespace that they were taken of, until their days are over.

resource "aws_scheduler_schedule" "snapshot" {
  count = var.settings.snapshots == null ? 0 : 1

  # Schedules of sources are named by them, without a hyphen: this one can be none of theirs.
  name                = "warehouse-snapshot"
  description         = "Takes a snapshot of ${var.name}, kept for ${var.settings.snapshots.retention_days} days"
  group_name          = var.schedule_group
  schedule_expression = var.settings.snapshots.schedule
  kms_key_arn         = var.key_arn

  flexible_time_window {
    mode = "OFF"
  }

  target {
    arn      = "arn:${var.partition}:scheduler:::aws-sdk:redshiftserverless:createSnapshot"
    role_arn = var.snapshot_role_arn

    # A snapshot's name has to be a new one each time: 64 lower-case letters, digits and hyphens, so no time of day.
    # jsonencode would write < and > as \u003c and \u003e, in which Scheduler does not see its keyword.
    input = replace(replace(jsonencode({
      NamespaceName   = aws_redshiftserverless_namespace.main.namespace_name
      SnapshotName    = "${var.name}-<aws.scheduler.execution-id>"
      RetentionPeriod = var.settings.snapshots.retention_days
    }), "\\u003c", "<"), "\\u003e", ">")

    retry_policy {
      maximum_event_age_in_seconds = 3600
      maximum_retry_attempts       = 3
    }
  }
}
