mock_provider "aws" {
  override_during = plan
}

variables {
  name               = "xmlift-test"
  account            = { partition = "aws", region = "eu-central-1", id = "111122223333" }
  metrics_namespace  = "xmlift-test"
  failures_topic_arn = "arn:aws:sns:eu-central-1:111122223333:xmlift-test-failures"
  state_machine_name = "xmlift-test-pipeline"
  functions = {
    load    = { name = "xmlift-test-load", memory_mb = 512, log_group = "/aws/lambda/xmlift-test-load" }
    extract = { name = "xmlift-test-extract", memory_mb = 2048, log_group = "/aws/lambda/xmlift-test-extract" }
  }
  sources        = { tracker = { scheduled = true }, parts = { scheduled = false } }
  schedule_group = "xmlift-test"
  queues         = { inbox = "xmlift-test-inbox-unstarted" }
  warehouse      = { workgroup = "xmlift-test", usage_limit_rpu_hours = 10 }
  prices         = { lambda_gb_second = 0.0000166667, redshift_rpu_hour = 0.375 }
  alarms = {
    notify           = ["mailto:data@example.com", "https://example.com/pager", "arn:aws:sqs:eu-central-1:111122223333:pager"]
    runbooks         = "https://example.com/docs/operations.md"
    lag_hours        = 26
    rejected_percent = 1
    daily_usd        = 20
  }
}

run "tells_those_who_are_named" {
  command = plan

  assert {
    condition = { for to, one in aws_sns_topic_subscription.notify : one.endpoint => one.protocol } == {
      "data@example.com"                            = "email"
      "https://example.com/pager"                   = "https"
      "arn:aws:sqs:eu-central-1:111122223333:pager" = "sqs"
    }
    error_message = "An address gets mail, a URL a request, a queue a message."
  }

  assert {
    condition = alltrue([
      for alarm in aws_cloudwatch_metric_alarm.main :
      alarm.alarm_actions == toset([var.failures_topic_arn]) &&
      can(regex("^.+\\. Runbook: https://example.com/docs/operations.md#alarm-[a-z-]+$", alarm.alarm_description))
    ])
    error_message = "Every alarm is told, and says where to read what to do."
  }
}

run "has_an_alarm_for_each_thing_that_can_go_wrong" {
  command = plan

  assert {
    condition = keys(aws_cloudwatch_metric_alarm.main) == [
      "cost", "failed-runs", "lag-tracker", "rejected-parts", "rejected-tracker", "silent-tracker", "throttled",
      "undelivered-inbox", "unstarted-schedules", "warehouse-limit",
    ]
    error_message = "Lag and silence of what runs by a schedule, rejects of every source, the others once."
  }

  assert {
    condition = (
      aws_cloudwatch_metric_alarm.main["lag-tracker"].metric_name == "lag" &&
      aws_cloudwatch_metric_alarm.main["lag-tracker"].namespace == "xmlift-test" &&
      aws_cloudwatch_metric_alarm.main["lag-tracker"].dimensions == tomap({ source = "tracker" }) &&
      aws_cloudwatch_metric_alarm.main["lag-tracker"].threshold == 93600 &&
      aws_cloudwatch_metric_alarm.main["lag-tracker"].treat_missing_data == "ignore"
    )
    error_message = "26 hours are 93,600 seconds; between two reports the alarm stays as it is."
  }

  assert {
    condition = (
      aws_cloudwatch_metric_alarm.main["silent-tracker"].evaluation_periods == 26 &&
      aws_cloudwatch_metric_alarm.main["silent-tracker"].statistic == "SampleCount" &&
      aws_cloudwatch_metric_alarm.main["silent-tracker"].treat_missing_data == "breaching"
    )
    error_message = "A source that does not run sends nothing, and nothing is what the alarm is about."
  }

  assert {
    condition = [
      for query in aws_cloudwatch_metric_alarm.main["cost"].metric_query : query.expression if query.return_data
    ] == ["FILL(extract, 0) / 1000 * 0.0000333334 + FILL(load, 0) / 1000 * 0.00000833335 + FILL(rpu, 0) / 3600 * 0.375"]
    error_message = "A function costs by its memory and time, the warehouse by its RPUs and time."
  }

  assert {
    condition = alltrue([
      for alarm in aws_cloudwatch_metric_alarm.main :
      length(alarm.metric_query) <= 11 && (length(alarm.metric_query) == 0) == (alarm.metric_name != null)
    ])
    error_message = "Either one metric or an expression, over ten metrics at the most."
  }

  assert {
    condition     = aws_cloudwatch_metric_alarm.main["warehouse-limit"].threshold == 28800
    error_message = "Four fifths of ten RPU hours, in RPU seconds."
  }
}

run "has_no_alarm_for_a_limit_that_is_null" {
  command = plan

  variables {
    sources   = { parts = { scheduled = false } }
    queues    = {}
    warehouse = { workgroup = "xmlift-test", usage_limit_rpu_hours = null }
    alarms    = { notify = [], lag_hours = null, rejected_percent = null, daily_usd = null }
  }

  assert {
    condition     = keys(aws_cloudwatch_metric_alarm.main) == ["failed-runs", "throttled"]
    error_message = "What nobody set a limit for has no alarm."
  }

  assert {
    condition     = length(aws_sns_topic_subscription.notify) == 0
    error_message = "Nobody is named."
  }
}

run "watches_the_schedule_of_snapshots_where_no_source_has_one" {
  command = plan

  variables {
    sources   = { parts = { scheduled = false } }
    warehouse = { workgroup = "xmlift-test", usage_limit_rpu_hours = null, snapshots = true }
  }

  assert {
    condition     = contains(keys(aws_cloudwatch_metric_alarm.main), "unstarted-schedules")
    error_message = "A snapshot that is not taken is told."
  }
}

run "takes_another_lag_for_a_source" {
  command = plan

  variables {
    alarms = {
      notify = [], lag_hours = null, lag_hours_of = { tracker = 2 }, rejected_percent = null, daily_usd = null
    }
  }

  assert {
    condition     = aws_cloudwatch_metric_alarm.main["lag-tracker"].threshold == 7200
    error_message = "Two hours."
  }
}

run "shows_every_source_and_alarm" {
  command = plan

  assert {
    condition = alltrue([
      for source in ["tracker", "parts"] :
      strcontains(aws_cloudwatch_dashboard.main.dashboard_body, "\"source\",\"${source}\"")
    ])
    error_message = "Each source has its lines."
  }

  assert {
    condition     = length(jsondecode(aws_cloudwatch_dashboard.main.dashboard_body).widgets) == 23
    error_message = "Alarms, 21 graphs, and the log."
  }
}

run "refuses_what_cannot_be_told_or_watched" {
  command = plan

  variables {
    alarms = { notify = ["data@example.com"], lag_hours = 200, rejected_percent = 100, daily_usd = 0 }
  }

  expect_failures = [var.alarms]
}

run "refuses_a_lag_of_a_source_that_is_not_there" {
  command = plan

  variables {
    alarms = { notify = [], lag_hours = null, lag_hours_of = { trakcer = 2 }, rejected_percent = null, daily_usd = null }
  }

  expect_failures = [var.sources]
}
