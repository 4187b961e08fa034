# A flow of which every choice is made. tests/contract runs the definition that comes of it, on every path.

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
  logging           = { level = "ALL", include_execution_data = true, retention_days = 30, tracing = false }
  functions = {
    plan    = { alias_arn = "arn:aws:lambda:eu-central-1:111122223333:function:xmlift-test-plan:live", timeout_seconds = 300 }
    extract = { alias_arn = "arn:aws:lambda:eu-central-1:111122223333:function:xmlift-test-extract:live", timeout_seconds = 900 }
    load    = { alias_arn = "arn:aws:lambda:eu-central-1:111122223333:function:xmlift-test-load:live", timeout_seconds = 900 }
    report  = { alias_arn = "arn:aws:lambda:eu-central-1:111122223333:function:xmlift-test-report:live", timeout_seconds = 300 }
  }
  schedules = {}
  flow = {
    extract_tolerated_failure_percentage = 25
    load_concurrency                     = 2
    retry                                = { attempts = 2, first_wait_seconds = 1, backoff = 1.5, longest_wait_seconds = 2 }
    timeouts                             = { run_hours = 2, hook_seconds = 90 }
    event_bus                            = "runs"
    hooks = {
      before_extract = "arn:aws:lambda:eu-central-1:111122223333:function:open-the-door:live"
      after_load     = "arn:aws:lambda:eu-central-1:111122223333:function:refresh-marts"
    }
  }
}

run "all_that_an_environment_may_choose" {
  command = plan

  assert {
    condition = (
      jsondecode(aws_sfn_state_machine.pipeline.definition).States.BeforeExtract.Parameters.FunctionName == var.flow.hooks.before_extract &&
      jsondecode(aws_sfn_state_machine.pipeline.definition).States.AfterLoad.Parameters.FunctionName == var.flow.hooks.after_load &&
      jsondecode(aws_sfn_state_machine.pipeline.definition).States.HasWork.Choices[0].Next == "BeforeExtract" &&
      jsondecode(aws_sfn_state_machine.pipeline.definition).States.Verdict.Choices[1].Next == "AfterLoad" &&
      jsondecode(aws_sfn_state_machine.pipeline.definition).States.AfterLoad.TimeoutSeconds == 90
    )
    error_message = "A hook is called before anything is read, or once everything is loaded."
  }

  assert {
    condition = alltrue([
      for name in ["Plan", "BeforeExtract", "AfterLoad", "Report", "Announce", "Notify"] :
      [for retry in jsondecode(aws_sfn_state_machine.pipeline.definition).States[name].Retry :
        [retry.MaxAttempts, retry.IntervalSeconds, retry.BackoffRate, retry.MaxDelaySeconds]
      ] == [[2, 1, 1.5, 2]]
    ])
    error_message = "Every call is repeated as the environment says."
  }

  assert {
    condition = (
      jsondecode(aws_sfn_state_machine.pipeline.definition).TimeoutSeconds == 7200 &&
      jsondecode(aws_sfn_state_machine.pipeline.definition).States.Announce.Parameters.Entries[0].EventBusName == "runs"
    )
    error_message = "Time-out and bus are the environment's."
  }
}
