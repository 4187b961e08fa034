locals {
  # Made from names, so that they are known when they are planned: AWS validates the definition there.
  scope              = "${var.account.region}:${var.account.id}"
  failures_topic_arn = "arn:${var.account.partition}:sns:${local.scope}:${var.failures_topic}"
  alias_arn          = "arn:${var.account.partition}:states:${local.scope}:stateMachine:${var.name}:${var.alias}"

  # Placeholders stand only inside quotes, so that the template is JSON that editors and linters read as it is.
  # These fields are numbers to Step Functions: they lose the quotes once they are filled in.
  number_fields = "BackoffRate|IntervalSeconds|MaxAttempts|MaxConcurrency|MaxDelaySeconds|TimeoutSeconds|ToleratedFailurePercentage"

  # A state gives up after its function has ended in any case: with both at the same moment it would be called again.
  grace_seconds = 60

  rendered = templatefile("${path.module}/pipeline.asl.json", merge(
    { for step, function in var.functions : step => function.alias_arn },
    { for step, function in var.functions : "${step}_timeout" => function.timeout_seconds + local.grace_seconds },
    { for hook, arn in var.flow.hooks : hook => coalesce(arn, "absent") },
    {
      partition      = var.account.partition
      failures_topic = local.failures_topic_arn
      event_bus      = var.flow.event_bus
      name           = var.name
      map_label      = var.map_label

      extract_tolerated_failure_percentage = var.flow.extract_tolerated_failure_percentage
      load_concurrency                     = var.flow.load_concurrency

      attempts     = var.flow.retry.attempts
      first_wait   = var.flow.retry.first_wait_seconds
      backoff      = var.flow.retry.backoff
      longest_wait = var.flow.retry.longest_wait_seconds

      run_timeout  = var.flow.timeouts.run_hours * 3600
      hook_timeout = var.flow.timeouts.hook_seconds
    },
  ))

  # What leads to the state of a hook that the environment does not have leads on to what follows it.
  without_before_extract = replace(local.rendered, "\"Next\": \"BeforeExtract\"", "\"Next\": \"Extract\"")
  without_after_load     = replace(local.routed_to_extract, "\"Next\": \"AfterLoad\"", "\"Next\": \"Announce\"")
  routed_to_extract      = var.flow.hooks.before_extract == null ? local.without_before_extract : local.rendered
  routed                 = var.flow.hooks.after_load == null ? local.without_after_load : local.routed_to_extract

  absent_states = concat(
    var.flow.hooks.before_extract == null ? ["BeforeExtract", "BeforeExtractFailed"] : [],
    var.flow.hooks.after_load == null ? ["AfterLoad", "AfterLoadFailed"] : [],
  )

  filled = jsondecode(replace(local.routed, "/\"(${local.number_fields})\": \"([0-9.]+)\"/", "\"$1\": $2"))

  definition = jsonencode(merge(local.filled, {
    States = { for name, state in local.filled.States : name => state if !contains(local.absent_states, name) }
  }))
}

resource "aws_cloudwatch_log_group" "pipeline" {
  # checkov:skip=CKV_AWS_338: how long logs are kept is the environment's to say; what has to last are the reports under runs/

  # Under /aws/vendedlogs/ the delivery permission is one statement for all groups: each group elsewhere adds its own to
  # the account's resource policy, which holds 5,120 characters, and then creating a state machine fails.
  name              = "/aws/vendedlogs/states/${var.name}"
  retention_in_days = var.logging.retention_days
  kms_key_id        = var.key_arn
}

resource "aws_sfn_state_machine" "pipeline" {
  # checkov:skip=CKV_AWS_284: whether traces are written is the environment's to say, by logging.tracing
  # checkov:skip=CKV_AWS_285: what executions are given may hold links that give access: the environment says whether it is logged

  name       = var.name
  role_arn   = var.role_arn
  definition = local.definition
  publish    = true

  logging_configuration {
    level                  = var.logging.level
    include_execution_data = var.logging.include_execution_data
    log_destination        = "${aws_cloudwatch_log_group.pipeline.arn}:*"
  }

  # Definition, inputs and history of executions.
  encryption_configuration {
    type                              = "CUSTOMER_MANAGED_KMS_KEY"
    kms_key_id                        = var.key_arn
    kms_data_key_reuse_period_seconds = 300
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
  name              = var.failures_topic
  kms_master_key_id = var.key_arn
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
  kms_key_arn         = var.key_arn

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
