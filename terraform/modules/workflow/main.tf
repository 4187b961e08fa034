locals {
  # Made from names, so that they are known when they are planned: AWS validates the definition there.
  scope              = "${var.account.region}:${var.account.id}"
  failures_topic_arn = "arn:${var.account.partition}:sns:${local.scope}:${var.failures_topic}"
  alias_arn          = "arn:${var.account.partition}:states:${local.scope}:stateMachine:${var.name}:${var.alias}"

  # Placeholders stand only inside quotes, so that the template is JSON that editors and linters read as it is.
  # These fields are numbers to Step Functions: they lose the quotes once they are filled in.
  number_fields = "MaxAttempts|MaxConcurrency|ToleratedFailurePercentage"

  rendered = templatefile("${path.module}/pipeline.asl.json", {
    partition      = var.account.partition
    plan           = var.functions.plan
    extract        = var.functions.extract
    load           = var.functions.load
    report         = var.functions.report
    failures_topic = local.failures_topic_arn
    name           = var.name
    map_label      = var.map_label

    extract_tolerated_failure_percentage = var.flow.extract_tolerated_failure_percentage
    load_concurrency                     = var.flow.load_concurrency
    retry_attempts                       = var.flow.retry_attempts
  })

  definition = jsonencode(jsondecode(
    replace(local.rendered, "/\"(${local.number_fields})\": \"([0-9.]+)\"/", "\"$1\": $2")
  ))
}

resource "aws_cloudwatch_log_group" "pipeline" {
  # Under /aws/vendedlogs/ the delivery permission is one statement for all groups: each group elsewhere adds its own to
  # the account's resource policy, which holds 5,120 characters, and then creating a state machine fails.
  name              = "/aws/vendedlogs/states/${var.name}"
  retention_in_days = var.logging.retention_days
}

resource "aws_sfn_state_machine" "pipeline" {
  name       = var.name
  role_arn   = var.role_arn
  definition = local.definition
  publish    = true

  logging_configuration {
    level                  = var.logging.level
    include_execution_data = var.logging.include_execution_data
    log_destination        = "${aws_cloudwatch_log_group.pipeline.arn}:*"
  }

  tracing_configuration {
    enabled = var.logging.tracing
  }
}

resource "aws_sfn_alias" "live" {
  name        = var.alias
  description = "The version that schedules and operators start"

  routing_configuration {
    state_machine_version_arn = aws_sfn_state_machine.pipeline.state_machine_version_arn
    weight                    = 100
  }
}

resource "aws_sns_topic" "failures" {
  name = var.failures_topic
}

resource "aws_scheduler_schedule_group" "sources" {
  name = var.schedule_group
}

resource "aws_scheduler_schedule" "source" {
  for_each = var.schedules

  name                = each.key
  description         = "Starts the pipeline for ${each.key}"
  group_name          = aws_scheduler_schedule_group.sources.name
  schedule_expression = each.value.expression
  state               = each.value.enabled ? "ENABLED" : "DISABLED"

  flexible_time_window {
    mode = "OFF"
  }

  target {
    arn      = local.alias_arn
    role_arn = var.schedule_role_arn
    input    = each.value.input

    # An hour late is the next run's business: after a quarter of an hour a start that failed is given up.
    retry_policy {
      maximum_event_age_in_seconds = 900
      maximum_retry_attempts       = 3
    }
  }

  depends_on = [aws_sfn_alias.live]
}
