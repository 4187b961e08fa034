# One dashboard: what runs, how far the sources are, what they bring, what it costs, and what went wrong.

locals {
  sources = sort(keys(var.sources))
  steps   = sort(keys(var.functions))

  alarm_arns = [
    for key, _ in local.alarms :
    "arn:${var.account.partition}:cloudwatch:${local.scope}:alarm:${aws_cloudwatch_metric_alarm.main[key].alarm_name}"
  ]

  # A line for each source of one of our metrics.
  lines = {
    for name, statistic in {
      lag         = "Maximum"
      records     = "Sum"
      rejected    = "Sum"
      loaded      = "Sum"
      bytes       = "Sum"
      retries     = "Sum"
      restarts    = "Sum"
      quarantined = "Sum"
      failed_runs = "Sum"
      run_seconds = "Maximum"
      calls       = "Sum"
      gb_seconds  = "Sum"
      } : name => [
      for source in local.sources : [
        var.metrics_namespace, name, "source", source, { label = source, stat = statistic }
      ]
    ]
  }

  of_functions = {
    for name, statistic in {
      Duration = "Maximum", Errors = "Sum", Throttles = "Sum", ConcurrentExecutions = "Maximum"
      } : name => [
      for step in local.steps : [
        "AWS/Lambda", name, "FunctionName", var.functions[step].name, { label = step, stat = statistic }
      ]
    ]
  }

  runs = [
    for name in ["ExecutionsStarted", "ExecutionsSucceeded", "ExecutionsFailed", "ExecutionsTimedOut"] :
    ["AWS/States", name, "StateMachineArn", local.state_machine_arn, { stat = "Sum" }]
  ]

  starts = concat(
    [for name in ["InvocationAttemptCount", "InvocationDroppedCount"] :
    ["AWS/Scheduler", name, "ScheduleGroup", var.schedule_group, { stat = "Sum" }]],
    [for what, queue in var.queues :
    ["AWS/SQS", "ApproximateNumberOfMessagesVisible", "QueueName", queue, { label = "undelivered ${what}", stat = "Maximum" }]],
  )

  warehouse = [
    ["AWS/Redshift-Serverless", "ComputeCapacity", "Workgroup", var.warehouse.workgroup, { stat = "Maximum" }],
    ["AWS/Redshift-Serverless", "ComputeSeconds", "Workgroup", var.warehouse.workgroup, { stat = "Sum", yAxis = "right" }],
  ]

  cost = concat(
    [for id, metric in merge(local.durations, { rpu = local.compute_seconds }) : [
      metric.namespace, metric.name, keys(metric.dimensions)[0], values(metric.dimensions)[0],
      { id = id, stat = "Sum", visible = false }
    ]],
    [[{ expression = local.usd_of_functions, label = "functions", id = "usd_of_functions" }]],
    [[{ expression = local.usd_of_warehouse, label = "warehouse", id = "usd_of_warehouse" }]],
  )

  # Insights reads all log groups at once; each line of ours has the run, the source and the step.
  errors = join("", [
    join("", [for step in local.steps : "SOURCE '${var.functions[step].log_group}' | "]),
    "fields @timestamp, level, service, source, stream, run, message, exception",
    " | filter level in [\"ERROR\", \"WARNING\", \"CRITICAL\"] | sort @timestamp desc | limit 50",
  ])
}

locals {
  # Left to right and top to bottom, three to a row.
  graphs = [
    { title = "Runs", metrics = local.runs },
    { title = "Seconds that a source is behind", metrics = local.lines.lag },
    { title = "Seconds behind, by stream", metrics = [[{
      expression = "SEARCH('{${var.metrics_namespace},source,stream} MetricName=\"lag\"', 'Maximum')", id = "streams"
    }]] },
    { title = "Records read", metrics = local.lines.records },
    { title = "Rows inserted or updated", metrics = local.lines.loaded },
    { title = "Records rejected", metrics = local.lines.rejected },
    { title = "Failed runs", metrics = local.lines.failed_runs },
    { title = "Windows quarantined", metrics = local.lines.quarantined },
    { title = "Seconds that a run takes", metrics = local.lines.run_seconds },
    { title = "Bytes read", metrics = local.lines.bytes },
    { title = "Requests made again", metrics = local.lines.retries },
    { title = "Windows begun anew", metrics = local.lines.restarts },
    { title = "USD an hour, by an estimate", metrics = local.cost },
    { title = "GB seconds of functions", metrics = local.lines.gb_seconds },
    { title = "Calls of functions", metrics = local.lines.calls },
    { title = "The warehouse's RPUs, and RPU seconds", metrics = local.warehouse },
    { title = "Starts, and what could not be delivered", metrics = local.starts },
    { title = "Milliseconds that a call takes", metrics = local.of_functions.Duration },
    { title = "Calls that failed", metrics = local.of_functions.Errors },
    { title = "Calls turned away", metrics = local.of_functions.Throttles },
    { title = "Calls at once", metrics = local.of_functions.ConcurrentExecutions },
  ]

  widgets = concat(
    [{
      type       = "alarm", x = 0, y = 0, width = 24, height = 3
      properties = { title = "Alarms", alarms = local.alarm_arns }
    }],
    [for at, graph in local.graphs : {
      type = "metric", x = 8 * (at % 3), y = 3 + 6 * floor(at / 3), width = 8, height = 6
      properties = {
        title   = graph.title
        region  = var.account.region
        view    = "timeSeries"
        stacked = false
        period  = 3600
        metrics = graph.metrics
      }
    }],
    [{
      type       = "log", x = 0, y = 3 + 6 * ceil(length(local.graphs) / 3), width = 24, height = 8
      properties = { title = "Errors and warnings", region = var.account.region, view = "table", query = local.errors }
    }],
  )
}
