# Every alarm. `runbook` is the anchor of its section in docs/operations.md; a test holds the two together.

locals {
  scope             = "${var.account.region}:${var.account.id}"
  state_machine_arn = "arn:${var.account.partition}:states:${local.scope}:stateMachine:${var.state_machine_name}"
  scheduled         = { for source, runs in var.sources : source => runs if runs.scheduled }

  executions = {
    for name in ["Failed", "TimedOut", "Throttled"] : lower(name) => {
      namespace = "AWS/States"
      # Not a misprint: throttling is told of the execution, the others of executions.
      name       = name == "Throttled" ? "ExecutionThrottled" : "Executions${name}"
      dimensions = { StateMachineArn = local.state_machine_arn }
    }
  }

  durations = {
    for step, function in var.functions : step => {
      namespace  = "AWS/Lambda"
      name       = "Duration"
      dimensions = { FunctionName = function.name }
    }
  }

  throttles = { for step, duration in local.durations : step => merge(duration, { name = "Throttles" }) }

  compute_seconds = {
    namespace  = "AWS/Redshift-Serverless"
    name       = "ComputeSeconds"
    dimensions = { Workgroup = var.warehouse.workgroup }
  }

  by_source = {
    for source, _ in var.sources : source => {
      for name in ["lag", "records", "rejected"] : name => {
        namespace  = var.metrics_namespace
        name       = name
        dimensions = { source = source }
      }
    }
  }

  # Milliseconds to USD, and RPU seconds to USD: of requests, states, storage and traffic nothing, which are small.
  usd_of_functions = join(" + ", [
    for step, function in var.functions :
    format("FILL(%s, 0) / 1000 * %s", step, function.memory_mb / 1024 * var.prices.lambda_gb_second)
  ])
  usd_of_warehouse = "FILL(rpu, 0) / 3600 * ${var.prices.redshift_rpu_hour}"
}

locals {
  # What most of them are like.
  at_once = {
    comparison = "GreaterThanThreshold"
    threshold  = 0
    statistic  = "Sum"
    seconds    = 300
    periods    = 1
    missing    = "notBreaching" # what does not happen is not reported
    expression = null
  }

  alarms_of_environment = {
    failed-runs = merge(local.at_once, {
      says       = "A run failed. The message of the failed run itself says of which source, and why."
      runbook    = "alarm-a-run-failed"
      of         = { for name in ["failed", "timedout"] : name => local.executions[name] }
      expression = "FILL(failed, 0) + FILL(timedout, 0)"
    })

    throttled = merge(local.at_once, {
      says       = "AWS turned calls away: the account's concurrency is used up. Runs are slow, and fail if it lasts."
      runbook    = "alarm-aws-turned-calls-away"
      of         = merge(local.throttles, { machine = local.executions.throttled })
      expression = join(" + ", [for id in concat(keys(local.throttles), ["machine"]) : "FILL(${id}, 0)"])
      periods    = 3 # a burst is tried again
    })
  }

  alarms_of_schedules = length(local.scheduled) == 0 && !var.warehouse.snapshots ? {} : {
    unstarted-schedules = merge(local.at_once, {
      says    = "A schedule could not start the pipeline, or take the warehouse's snapshot."
      runbook = "alarm-a-schedule-could-not-start"
      of = {
        dropped = {
          namespace  = "AWS/Scheduler"
          name       = "InvocationDroppedCount"
          dimensions = { ScheduleGroup = var.schedule_group }
        }
      }
    })
  }

  alarms_of_queues = {
    for what, queue in var.queues : "undelivered-${what}" => merge(local.at_once, {
      says      = "A message could not be delivered and waits in ${queue}: a dropped file has started nothing."
      runbook   = "alarm-a-message-was-not-delivered"
      statistic = "Maximum"
      of = {
        waiting = {
          namespace  = "AWS/SQS"
          name       = "ApproximateNumberOfMessagesVisible"
          dimensions = { QueueName = queue }
        }
      }
    })
  }

  lag_hours = {
    for source, _ in local.scheduled : source => lookup(var.alarms.lag_hours_of, source, var.alarms.lag_hours)
  }

  alarms_of_lag = {
    for source, hours in local.lag_hours : "lag-${source}" => merge(local.at_once, {
      says      = "${source} is more than ${coalesce(hours, 0)} hours behind, though its runs report."
      runbook   = "alarm-a-source-is-behind"
      of        = { lag = local.by_source[source].lag }
      statistic = "Minimum" # the best of an hour's runs
      seconds   = 3600
      threshold = coalesce(hours, 0) * 3600
      missing   = "ignore" # until the next run says something else
    }) if hours != null
  }

  alarms_of_silence = {
    for source, hours in local.lag_hours : "silent-${source}" => merge(local.at_once, {
      says       = "No run of ${source} has reported for ${coalesce(hours, 0)} hours."
      runbook    = "alarm-a-source-is-silent"
      of         = { lag = local.by_source[source].lag }
      statistic  = "SampleCount"
      seconds    = 3600
      periods    = coalesce(hours, 1)
      comparison = "LessThanThreshold"
      threshold  = 1
      missing    = "breaching"
    }) if hours != null
  }

  alarms_of_rejects = {
    for source, metrics in local.by_source : "rejected-${source}" => merge(local.at_once, {
      says       = "More than ${coalesce(var.alarms.rejected_percent, 0)} % of the records of ${source} were rejected."
      runbook    = "alarm-records-are-rejected"
      of         = { records = metrics.records, rejected = metrics.rejected }
      expression = "100 * FILL(rejected, 0) / records"
      seconds    = 3600
      threshold  = var.alarms.rejected_percent
    }) if var.alarms.rejected_percent != null
  }

  alarms_of_cost = {
    for usd in var.alarms.daily_usd[*] : "cost" => merge(local.at_once, {
      says       = "Functions and warehouse cost more than ${usd} USD in a day, by an estimate."
      runbook    = "alarm-a-day-costs-too-much"
      of         = merge(local.durations, { rpu = local.compute_seconds })
      expression = "${local.usd_of_functions} + ${local.usd_of_warehouse}"
      seconds    = 86400
      threshold  = usd
    })
  }

  alarms_of_warehouse = {
    for hours in var.warehouse.usage_limit_rpu_hours[*] : "warehouse-limit" => merge(local.at_once, {
      says      = "Four fifths of the ${hours} RPU hours that the warehouse may use in a day are used."
      runbook   = "alarm-the-warehouse-nears-its-limit"
      of        = { rpu = local.compute_seconds }
      seconds   = 86400
      threshold = hours * 3600 * 0.8
    })
  }

  alarms = merge(
    local.alarms_of_environment,
    local.alarms_of_schedules,
    local.alarms_of_queues,
    local.alarms_of_lag,
    local.alarms_of_silence,
    local.alarms_of_rejects,
    local.alarms_of_cost,
    local.alarms_of_warehouse,
  )
}
