mock_provider "aws" {
  override_during = plan
}

variables {
  key_arn           = "arn:aws:kms:eu-central-1:111122223333:key/0a1b2c3d-0000-4000-8000-000000000000"
  name              = "xmlift-test-pipeline"
  alias             = "live"
  map_label         = "extract"
  account           = { partition = "aws", region = "eu-central-1", id = "111122223333" }
  role_arn          = "arn:aws:iam::111122223333:role/xmlift-test-pipeline"
  schedule_role_arn = "arn:aws:iam::111122223333:role/xmlift-test-schedule"
  schedule_group    = "xmlift-test"
  failures_topic    = "xmlift-test-failures"
  flow              = { extract_tolerated_failure_percentage = 12.5, load_concurrency = 3 }
  logging           = { level = "ALL", include_execution_data = true, retention_days = 30, tracing = false }
  functions = {
    plan    = { alias_arn = "arn:aws:lambda:eu-central-1:111122223333:function:xmlift-test-plan:live", timeout_seconds = 300 }
    extract = { alias_arn = "arn:aws:lambda:eu-central-1:111122223333:function:xmlift-test-extract:live", timeout_seconds = 900 }
    load    = { alias_arn = "arn:aws:lambda:eu-central-1:111122223333:function:xmlift-test-load:live", timeout_seconds = 900 }
    report  = { alias_arn = "arn:aws:lambda:eu-central-1:111122223333:function:xmlift-test-report:live", timeout_seconds = 300 }
  }
  schedules = {
    ewm = { expression = "rate(1 hour)", enabled = true, input = "{\"source\":\"ewm\"}" }
    ecb = { expression = "cron(0 16 ? * MON-FRI *)", enabled = false, input = "{\"source\":\"ecb\"}" }
  }
}

run "fills_in_schedules_and_tells" {
  command = plan

  assert {
    condition = (
      jsondecode(aws_sfn_state_machine.pipeline.definition).States.Extract.ToleratedFailurePercentage == 12.5 &&
      jsondecode(aws_sfn_state_machine.pipeline.definition).States.Load.MaxConcurrency == 3 &&
      jsondecode(aws_sfn_state_machine.pipeline.definition).States.Plan.Retry[0].MaxAttempts == 4
    )
    error_message = "Numbers are numbers once they are filled in."
  }

  assert {
    condition = (
      jsondecode(aws_sfn_state_machine.pipeline.definition).States.Extract.MaxConcurrencyPath == "$.plan.extract.concurrency" &&
      !can(jsondecode(aws_sfn_state_machine.pipeline.definition).States.Extract.MaxConcurrency)
    )
    error_message = "How many windows are read at once is plan's to say: AWS refuses a Map that has both."
  }

  assert {
    condition     = jsondecode(aws_sfn_state_machine.pipeline.definition).States.Plan.Parameters.FunctionName == var.functions.plan.alias_arn
    error_message = "States call the alias that they are given."
  }

  assert {
    condition = (
      { for name, state in jsondecode(aws_sfn_state_machine.pipeline.definition).States : name => state.TimeoutSeconds if contains(["Plan", "Report", "ReportFailure"], name) }
      == { Plan = 360, Report = 360, ReportFailure = 360 } &&
      jsondecode(aws_sfn_state_machine.pipeline.definition).States.Load.ItemProcessor.States.LoadStream.TimeoutSeconds == 960 &&
      jsondecode(aws_sfn_state_machine.pipeline.definition).TimeoutSeconds == 86400
    )
    error_message = "A state waits a minute longer than its function may run, and an execution a day."
  }

  assert {
    condition = (
      !strcontains(aws_sfn_state_machine.pipeline.definition, "BeforeExtract") &&
      !strcontains(aws_sfn_state_machine.pipeline.definition, "AfterLoad") &&
      jsondecode(aws_sfn_state_machine.pipeline.definition).States.HasWork.Choices[0].Next == "Extract" &&
      jsondecode(aws_sfn_state_machine.pipeline.definition).States.Verdict.Choices[1].Next == "Announce"
    )
    error_message = "Without hooks there are no states for them, and nothing leads to them."
  }

  assert {
    condition     = jsondecode(aws_sfn_state_machine.pipeline.definition).States.Announce.Parameters.Entries[0].EventBusName == "default"
    error_message = "Completed runs are announced on the account's own bus, unless another one is named."
  }

  assert {
    condition     = !strcontains(aws_sfn_state_machine.pipeline.definition, "$${")
    error_message = "A placeholder was left."
  }

  assert {
    condition = alltrue([
      for schedule in aws_scheduler_schedule.source :
      schedule.target[0].arn == output.state_machine_arn && endswith(schedule.target[0].arn, ":live")
    ])
    error_message = "What is scheduled is the alias, which a rollback moves."
  }

  assert {
    condition = alltrue([
      for schedule in aws_scheduler_schedule.source :
      one(schedule.target[0].retry_policy).maximum_event_age_in_seconds == 900 &&
      one(schedule.target[0].retry_policy).maximum_retry_attempts == 3
    ])
    error_message = "Scheduler's own 185 attempts of a whole day would start a run that nobody expects any more."
  }

  assert {
    condition     = { for source, schedule in aws_scheduler_schedule.source : source => schedule.state } == { ecb = "DISABLED", ewm = "ENABLED" }
    error_message = "A source that is off keeps its schedule, disabled."
  }

  assert {
    condition     = jsondecode(aws_sfn_state_machine.pipeline.definition).States.Notify.Parameters.TopicArn == output.failures_topic_arn
    error_message = "The state machine publishes to the topic that people subscribe to."
  }
}

run "refuses_what_is_no_schedule_no_log_level_and_too_wide" {
  command = plan

  variables {
    schedules = { ewm = { expression = "every hour", enabled = true, input = "{}" } }
    logging   = { level = "DEBUG", include_execution_data = true, retention_days = 30, tracing = false }
    flow      = { extract_tolerated_failure_percentage = 0, load_concurrency = 41 }
    map_label = "the windows"
  }

  expect_failures = [var.schedules, var.logging, var.flow, var.map_label]
}

run "refuses_no_concurrency" {
  command = plan

  variables {
    flow = { extract_tolerated_failure_percentage = 0, load_concurrency = 0 }
  }

  expect_failures = [var.flow]
}

run "refuses_more_failures_than_there_are" {
  command = plan

  variables {
    flow = { extract_tolerated_failure_percentage = 101, load_concurrency = 1 }
  }

  expect_failures = [var.flow]
}

run "one_hook_alone" {
  command = plan

  variables {
    flow = {
      extract_tolerated_failure_percentage = 0
      load_concurrency                     = 1
      hooks                                = { after_load = "arn:aws-cn:lambda:cn-north-1:111122223333:function:refresh-marts:7" }
    }
  }

  assert {
    condition = (
      !strcontains(aws_sfn_state_machine.pipeline.definition, "BeforeExtract") &&
      jsondecode(aws_sfn_state_machine.pipeline.definition).States.HasWork.Choices[0].Next == "Extract" &&
      jsondecode(aws_sfn_state_machine.pipeline.definition).States.Verdict.Choices[1].Next == "AfterLoad"
    )
    error_message = "Each hook is there or not for itself."
  }
}

run "refuses_what_step_functions_refuses" {
  command = plan

  variables {
    flow = {
      extract_tolerated_failure_percentage = 0
      load_concurrency                     = 1
      retry                                = { attempts = 11, first_wait_seconds = 60 }
      timeouts                             = { run_hours = 0, hook_seconds = 961 }
      event_bus                            = "arn:aws:events:eu-central-1:111122223333:event-bus/default"
      hooks                                = { before_extract = "open-the-door" }
    }
  }

  expect_failures = [var.flow]
}
