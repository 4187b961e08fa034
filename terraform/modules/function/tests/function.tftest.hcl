mock_provider "aws" {
  override_during = plan
}

variables {
  key_arn               = "arn:aws:kms:eu-central-1:111122223333:key/0a1b2c3d-0000-4000-8000-000000000000"
  name                  = "xmlift-test-load"
  arn                   = "arn:aws:lambda:eu-central-1:111122223333:function:xmlift-test-load"
  log_group             = "/aws/lambda/xmlift-test-load"
  log_retention_days    = 30
  role_arn              = "arn:aws:iam::111122223333:role/xmlift-test-load"
  environment_variables = { XMLIFT_ENVIRONMENT = "test" }
  limits                = { memory_mb = 512, timeout_seconds = 300 }
  tracing               = "PassThrough"
  package = {
    path             = "tests/load.zip"
    bucket           = "xmlift-test-artifacts-111122223333"
    key              = "functions/load/0123.zip"
    source_code_hash = "DPZ/xys8hsekVPbYa0PtJFqOSR0OUojU2ox/9Dp7zbA="
    architecture     = "arm64"
    python           = "3.13"
  }
}

run "outside_every_vpc" {
  command = plan

  assert {
    condition     = length(aws_lambda_function.main.vpc_config) == 0
    error_message = "Without a network the function stays outside."
  }

  assert {
    condition = (
      aws_lambda_function.main.runtime == "python3.13" &&
      aws_lambda_function.main.architectures == tolist(["arm64"]) &&
      aws_lambda_function.main.s3_key == "functions/load/0123.zip"
    )
    error_message = "Runtime, architecture and code are the package's."
  }

  assert {
    condition     = aws_lambda_function.main.publish && aws_lambda_alias.live.name == "live"
    error_message = "Every change is a version, and the alias moves to it."
  }

  assert {
    condition     = output.alias_arn == "${var.arn}:live"
    error_message = "Callers get the alias, not the function."
  }

  assert {
    condition     = aws_lambda_function.main.logging_config[0].log_group == "/aws/lambda/xmlift-test-load"
    error_message = "The function logs to the group that keeps its lines for log_retention_days."
  }
}

run "inside_a_vpc" {
  command = plan

  variables {
    network = { subnet_ids = ["subnet-a", "subnet-b", "subnet-c"], security_group_ids = ["sg-a"] }
  }

  assert {
    condition     = length(aws_lambda_function.main.vpc_config[0].subnet_ids) == 3
    error_message = "The function runs in every subnet that it is given."
  }
}

run "refuses_what_lambda_refuses" {
  command = plan

  variables {
    environment_variables = { LAMBDA_TASK_ROOT = "/var/task" }
    package = {
      path             = "dist/load.zip"
      bucket           = "xmlift-test-artifacts-111122223333"
      key              = "functions/load/0123.zip"
      source_code_hash = "ASM="
      architecture     = "riscv64"
      python           = "3.13"
    }
    limits  = { memory_mb = 512, timeout_seconds = 901 }
    tracing = "On"
  }

  expect_failures = [var.environment_variables, var.package, var.limits, var.tracing]
}

run "refuses_a_zip_that_is_not_the_one_of_the_manifest" {
  command = plan

  variables {
    package = {
      path             = "tests/load.zip"
      bucket           = "xmlift-test-artifacts-111122223333"
      key              = "functions/load/0123.zip"
      source_code_hash = "ZIeffWuWCgGQl2LZEaMtRYLCABDFZB7pAni2RKnjtSU="
      architecture     = "arm64"
      python           = "3.13"
    }
  }

  expect_failures = [aws_s3_object.package]
}

run "refuses_more_memory_than_lambda_has" {
  command = plan

  variables {
    limits = { memory_mb = 10241, timeout_seconds = 300 }
  }

  expect_failures = [var.limits]
}
