mock_provider "aws" {
  override_during = plan

  mock_data "aws_partition" {
    defaults = { partition = "aws" }
  }
  mock_data "aws_region" {
    defaults = { name = "eu-central-1" }
  }
  mock_data "aws_caller_identity" {
    defaults = { account_id = "111122223333" }
  }
  mock_resource "aws_redshiftserverless_workgroup" {
    defaults = {
      arn      = "arn:aws:redshift-serverless:eu-central-1:111122223333:workgroup/0a1b2c3d-0000-4000-8000-000000000000"
      endpoint = [{ address = "xmlift-test.example", port = 5439, vpc_endpoint = [] }]
    }
  }
}

variables {
  environment       = "test"
  catalogue_folder  = "tests/catalogue"
  package_folder    = "tests/package"
  runs_on           = { architecture = "x86_64" }
  protect           = true
  schedules_enabled = true
  retention_days    = { landing = 30, load = 30, runs = 30, inbox = 30, access_logs = 30 }
  sources           = { ewm = { base_url = "https://elm.example.org/ccm" }, ecb = { enabled = false } }
  logging           = { functions = "INFO", state_machine = "ERROR", execution_data = false, retention_days = 30, tracing = "PassThrough" }
  alarms            = { notify = [], lag_hours = 26, rejected_percent = 1, daily_usd = 10 }
  network           = { cidr = "10.0.0.0/20", zones = { eu-central-1a = 0, eu-central-1b = 1, eu-central-1c = 2 }, interface_endpoint_zones = 1 }
  warehouse         = { base_capacity = 8, max_capacity = 16, usage_limit_rpu_hours = 24 }
  flow              = { extract_concurrency = 8, extract_tolerated_failure_percentage = 50, load_concurrency = 2 }
}

run "names_sources_and_migration" {
  command = plan

  assert {
    condition = (
      output.landing_bucket == "xmlift-test-landing-111122223333" &&
      output.artifact_bucket == "xmlift-test-artifacts-111122223333" &&
      output.state_machine_arn == "arn:aws:states:eu-central-1:111122223333:stateMachine:xmlift-test-pipeline:live" &&
      output.failures_topic_arn == "arn:aws:sns:eu-central-1:111122223333:xmlift-test-failures" &&
      output.functions.load.alias_arn == "arn:aws:lambda:eu-central-1:111122223333:function:xmlift-test-load:live" &&
      output.functions.load.log_group == "/aws/lambda/xmlift-test-load"
    )
    error_message = "Operators, tests and database users rely on these names."
  }

  assert {
    condition = (
      output.sources.ewm.enabled && !output.sources.ecb.enabled &&
      output.sources.ewm.secret_name == "xmlift/test/ewm" && output.sources.ecb.secret_name == null &&
      output.sources.ecb.schedule == "rate(1 day)"
    )
    error_message = "Schedule and secret come from the catalogue file, the switch from the environment."
  }

  assert {
    condition = jsondecode(output.sources.ewm.input) == {
      source    = "ewm"
      catalogue = "catalogue/ewm/${filesha256("tests/catalogue/ewm.yaml")}.yaml"
      base_url  = "https://elm.example.org/ccm"
    }
    error_message = "An execution gets its source, the catalogue by its content, and the environment's address."
  }

  assert {
    condition     = keys(aws_secretsmanager_secret.source) == ["xmlift/test/ewm", "xmlift/test/proxy"]
    error_message = "There is a secret for every login and every proxy's user that a catalogue names, and no other."
  }

  assert {
    condition     = aws_secretsmanager_secret.source["xmlift/test/ewm"].recovery_window_in_days == 30
    error_message = "A deleted login can be restored for 30 days."
  }

  assert {
    condition = jsondecode(aws_lambda_invocation.migrate.input) == {
      sources   = ["ecb", "ewm"]
      loader    = "xmlift-test-load"
      observers = ["xmlift-test-plan", "xmlift-test-report"]
      readers   = { iam_roles = [], database_users = [] }
    }
    error_message = "migrate grants to the roles that the other functions have."
  }

  assert {
    condition     = length(module.inbox) == 0
    error_message = "Where no files are dropped nothing waits for them."
  }

  assert {
    condition     = length(aws_xray_sampling_rule.all) == 0
    error_message = "What is not traced needs no sampling rule."
  }
}

run "files_are_dropped_for_it" {
  command = plan

  variables {
    sources = { ewm = {}, parts = {} }
  }

  assert {
    condition = (
      local.inboxes == { parts = ["prices", "stock"] } &&
      local.raw_days == { "parts/prices" = 7 } &&
      length(module.inbox) == 1
    )
    error_message = "What has an inbox, and what is kept for how long, stands in the catalogue's file."
  }

  assert {
    condition     = output.sources.parts.schedule == null && output.sources.ewm.schedule != null
    error_message = "A source that is read from its inbox alone needs no schedule."
  }
}

run "extract_runs_inside_where_it_has_to_reach_a_network" {
  command = plan

  variables {
    network = {
      interface_endpoint_zones = 1
      existing = {
        vpc_id          = "vpc-corporate"
        subnet_ids      = { eu-central-1a = "subnet-a", eu-central-1b = "subnet-b", eu-central-1c = "subnet-c" }
        route_table_ids = ["rtb-a"]
      }
      extract = { elm = { cidr = "10.20.0.0/16", port = 9443 } }
    }
  }

  override_resource {
    target          = module.network.aws_security_group.extract["extract"]
    values          = { id = "sg-extract" }
    override_during = plan
  }

  assert {
    condition = (
      alltrue([for function in local.functions : function.in_vpc]) &&
      local.arguments.extract.network.subnet_ids == tolist(["subnet-a", "subnet-b", "subnet-c"]) &&
      local.arguments.extract.network.security_group_ids == ["sg-extract"]
    )
    error_message = "extract is inside, by a security group of its own."
  }
}

run "every_execution_is_traced_or_none" {
  command = plan

  variables {
    logging = { functions = "INFO", state_machine = "ERROR", execution_data = false, retention_days = 30, tracing = "Active" }
  }

  assert {
    condition = (
      one(aws_xray_sampling_rule.all).service_name == "xmlift-test-*" &&
      one(aws_xray_sampling_rule.all).fixed_rate == 1
    )
    error_message = "X-Ray's own rule would take one of twenty."
  }
}

run "the_environment_says_who_reads" {
  command = plan

  variables {
    warehouse = {
      base_capacity = 8
      max_capacity  = 16
      snapshots     = { schedule = "cron(0 3 * * ? *)", retention_days = 35 }
      readers       = { iam_roles = ["analysts"], database_users = ["dashboards"] }
    }
  }

  assert {
    condition = jsondecode(aws_lambda_invocation.migrate.input).readers == {
      iam_roles      = ["analysts"]
      database_users = ["dashboards"]
    }
    error_message = "migrate grants to readers, and is invoked again when they change."
  }

  assert {
    condition = alltrue([
      for source in keys(var.sources) : strcontains(aws_lambda_invocation.migrate.triggers.catalogues, filesha256("tests/catalogue/${source}.yaml"))
    ])
    error_message = "Another catalogue is migrated, too."
  }
}

run "refuses_readers_by_their_arn" {
  command = plan

  variables {
    warehouse = {
      base_capacity = 8
      max_capacity  = 16
      readers       = { iam_roles = ["arn:aws:iam::111122223333:role/analysts"] }
    }
  }

  expect_failures = [var.warehouse]
}

run "refuses_readers_with_a_quote" {
  command = plan

  variables {
    warehouse = { base_capacity = 8, max_capacity = 16, readers = { database_users = ["a\"b"] } }
  }

  expect_failures = [var.warehouse]
}

run "guards_what_holds_data" {
  command = plan

  assert {
    condition     = length(terraform_data.guard) == 1
    error_message = "A plan that destroys or replaces what holds data is refused."
  }
}

run "unprotected_and_unscheduled" {
  command = plan

  variables {
    protect           = false
    schedules_enabled = false
  }

  assert {
    condition     = length(terraform_data.guard) == 0
    error_message = "What is not protected is destroyed without further ado."
  }

  assert {
    condition     = aws_secretsmanager_secret.source["xmlift/test/ewm"].recovery_window_in_days == 0
    error_message = "An environment that is destroyed and applied again needs the name back at once."
  }

  assert {
    condition     = !anytrue([for source in output.sources : source.enabled])
    error_message = "Without schedules nothing starts by itself."
  }
}

run "refuses_each_on_its_own" {
  command = plan

  variables {
    package_folder = "tests/nowhere"
    environment    = "Test_1"
    warehouse      = { base_capacity = 8, max_capacity = 16, usage_limit_rpu_hours = 24, certificate_authority = "cacert.pem" }
    logging        = { functions = "TRACE", state_machine = "ERROR", execution_data = false, retention_days = 30, tracing = "PassThrough" }
    sources        = {}
  }

  expect_failures = [var.package_folder, var.environment, var.warehouse, var.logging, var.sources]
}

run "refuses_packages_for_another_platform" {
  command = plan

  variables {
    package_folder = "tests/package_for_macos"
    runs_on        = { architecture = "arm64" }
  }

  expect_failures = [var.runs_on]
}

run "refuses_packages_for_another_architecture" {
  command = plan

  variables {
    runs_on = { architecture = "arm64" }
  }

  expect_failures = [var.runs_on]
}

run "takes_whatever_was_packaged_where_that_is_meant" {
  command = plan

  variables {
    runs_on = null
  }
}

run "refuses_a_manifest_that_lacks_a_function" {
  command = plan

  variables {
    package_folder = "tests/package_without_load"
  }

  expect_failures = [var.package_folder]
}

run "refuses_a_log_level_that_step_functions_does_not_know" {
  command = plan

  variables {
    logging = { functions = "INFO", state_machine = "DEBUG", execution_data = false, retention_days = 30, tracing = "PassThrough" }
  }

  expect_failures = [var.logging]
}

run "refuses_days_that_cloudwatch_does_not_offer" {
  command = plan

  variables {
    logging = { functions = "INFO", state_machine = "ERROR", execution_data = false, retention_days = 45, tracing = "PassThrough" }
  }

  expect_failures = [var.logging]
}

run "refuses_a_source_without_a_file" {
  command = plan

  variables {
    sources = { doors = {} }
  }

  expect_failures = [var.sources]
}

run "refuses_a_file_that_names_another_source" {
  command = plan

  variables {
    sources = { renamed = {} }
  }

  expect_failures = [var.sources]
}

run "a_source_without_a_schedule_is_started_by_hand" {
  command = plan

  variables {
    sources = { ewm = {}, unscheduled = {} }
  }

  assert {
    condition     = output.sources.unscheduled.schedule == null && output.sources.ewm.schedule != null
    error_message = "A schedule is the catalogue's choice: without one nothing starts a source by itself."
  }
}

run "refuses_an_address_without_tls" {
  command = plan

  variables {
    sources = { ewm = { base_url = "http://elm.example.org/ccm" } }
  }

  expect_failures = [var.sources]
}

run "refuses_an_address_with_credentials" {
  command = plan

  variables {
    sources = { ewm = { base_url = "https://etl:secret@elm.example.org/ccm" } }
  }

  expect_failures = [var.sources]
}

run "refuses_a_boundary_that_is_no_name" {
  command = plan

  variables {
    permissions_boundary = "arn:aws:iam::111122223333:policy/xmlift-deploy-test-workload"
  }

  expect_failures = [var.permissions_boundary]
}
