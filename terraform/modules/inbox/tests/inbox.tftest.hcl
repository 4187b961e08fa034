mock_provider "aws" {
  override_during = plan
}

variables {
  key_arn           = "arn:aws:kms:eu-central-1:111122223333:key/0a1b2c3d-0000-4000-8000-000000000000"
  name              = "xmlift-test"
  account           = { partition = "aws", region = "eu-central-1", id = "111122223333" }
  landing_bucket    = "xmlift-test-landing-111122223333"
  state_machine_arn = "arn:aws:states:eu-central-1:111122223333:stateMachine:xmlift-test-pipeline:live"
  role_arn          = "arn:aws:iam::111122223333:role/xmlift-test-inbox"
  sources = {
    parts = {
      streams = ["prices", "stock"]
      input   = { source = "parts", catalogue = "catalogue/parts/abc.yaml", base_url = null }
    }
  }
}

run "starts_the_pipeline_with_the_object" {
  command = plan

  assert {
    condition = jsondecode(aws_cloudwatch_event_rule.source["parts"].event_pattern) == {
      source        = ["aws.s3"]
      "detail-type" = ["Object Created"]
      detail = {
        bucket = { name = ["xmlift-test-landing-111122223333"] }
        object = { key = [{ prefix = "inbox/parts/prices/" }, { prefix = "inbox/parts/stock/" }] }
      }
    }
    error_message = "Of this bucket, what is created below the inboxes of the source's streams, and nothing else."
  }

  assert {
    condition = (
      aws_cloudwatch_event_target.pipeline["parts"].input_transformer[0].input_template ==
      "{\"base_url\":null,\"catalogue\":\"catalogue/parts/abc.yaml\",\"inbox\":<object>,\"source\":\"parts\"}" &&
      aws_cloudwatch_event_target.pipeline["parts"].input_transformer[0].input_paths == tomap({ object = "$.detail.object" })
    )
    error_message = "The object stands outside quotes, as JSON: within them its key would not be escaped."
  }

  assert {
    condition = (
      aws_cloudwatch_event_target.pipeline["parts"].arn == var.state_machine_arn &&
      aws_cloudwatch_event_target.pipeline["parts"].dead_letter_config[0].arn == "arn:aws:sqs:eu-central-1:111122223333:xmlift-test-inbox-unstarted" &&
      jsondecode(aws_sqs_queue_policy.unstarted.policy).Statement[0].Condition.ArnEquals["aws:SourceArn"] == [
        "arn:aws:events:eu-central-1:111122223333:rule/xmlift-test-parts"
      ]
    )
    error_message = "What cannot be started waits in a queue, which takes it from our rules alone."
  }

  assert {
    condition     = output.queue == "xmlift-test-inbox-unstarted"
    error_message = "Who watches what waits there is told its name."
  }
}

run "refuses_a_name_that_eventbridge_refuses_and_a_rule_for_everything" {
  command = plan

  variables {
    name = "xmlift-${join("", [for _ in range(60) : "x"])}"
    sources = {
      parts = { streams = [], input = { source = "parts", catalogue = "c", base_url = null } }
    }
  }

  expect_failures = [var.sources]
}
