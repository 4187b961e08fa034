mock_provider "aws" {
  override_during = plan
}

variables {
  key_arn            = "arn:aws:kms:eu-central-1:111122223333:key/0a1b2c3d-0000-4000-8000-000000000000"
  name               = "xmlift-test"
  partition          = "aws"
  log_retention_days = 30
  copy_role_arn      = "arn:aws:iam::111122223333:role/xmlift-test-copy"
  subnet_ids         = ["subnet-a", "subnet-b", "subnet-c"]
  security_group_ids = ["sg-a"]
  settings           = { base_capacity = 8, max_capacity = 16, usage_limit_rpu_hours = 24 }
}

run "private_bounded_and_able_to_copy" {
  command = plan

  assert {
    condition = (
      !aws_redshiftserverless_workgroup.main.publicly_accessible &&
      aws_redshiftserverless_workgroup.main.enhanced_vpc_routing
    )
    error_message = "The warehouse is reached, and reads, through the VPC alone."
  }

  assert {
    condition = (
      one(aws_redshiftserverless_usage_limit.compute).amount == 24 &&
      one(aws_redshiftserverless_usage_limit.compute).breach_action == "deactivate"
    )
    error_message = "A usage limit that does nothing bounds no bill."
  }

  assert {
    condition = (
      aws_redshiftserverless_namespace.main.manage_admin_password &&
      aws_redshiftserverless_namespace.main.admin_user_password == null
    )
    error_message = "The administrator's password is Redshift's to make and keep."
  }

  assert {
    condition = contains(
      aws_redshiftserverless_namespace.main.iam_roles,
      aws_redshiftserverless_namespace.main.default_iam_role_arn,
    )
    error_message = "Redshift refuses a default role that is not among the namespace's roles."
  }

  assert {
    condition     = output.database == "warehouse" && aws_redshiftserverless_workgroup.main.port == 5439
    error_message = "The database is `warehouse`, on Redshift's usual port."
  }
}

run "tells_who_came_and_what_became_of_users" {
  command = plan

  assert {
    condition = (
      aws_redshiftserverless_namespace.main.log_exports == toset(["connectionlog", "userlog"]) &&
      aws_cloudwatch_log_group.audit["connectionlog"].name == "/aws/redshift/xmlift-test/connectionlog" &&
      aws_cloudwatch_log_group.audit["userlog"].retention_in_days == 30
    )
    error_message = "Audit logs go to groups that expire; the texts of statements are told on request alone."
  }

  assert {
    condition     = length(aws_scheduler_schedule.snapshot) == 0
    error_message = "Where no snapshots are asked for, none are paid for."
  }
}

run "snapshots_under_a_new_name_each_time" {
  command = plan

  variables {
    snapshot_role_arn = "arn:aws:iam::111122223333:role/xmlift-test-snapshot"
    schedule_group    = "xmlift-test"
    settings = {
      base_capacity = 8
      max_capacity  = 16
      snapshots     = { schedule = "cron(0 3 * * ? *)", retention_days = 35 }
    }
  }

  assert {
    condition = (
      one(aws_scheduler_schedule.snapshot).schedule_expression == "cron(0 3 * * ? *)" &&
      one(aws_scheduler_schedule.snapshot).group_name == "xmlift-test" &&
      one(aws_scheduler_schedule.snapshot).target[0].arn == "arn:aws:scheduler:::aws-sdk:redshiftserverless:createSnapshot" &&
      one(aws_scheduler_schedule.snapshot).target[0].input ==
      "{\"NamespaceName\":\"xmlift-test\",\"RetentionPeriod\":35,\"SnapshotName\":\"xmlift-test-<aws.scheduler.execution-id>\"}"
    )
    error_message = "Scheduler takes the parameters in its own spelling, and its keyword as it stands."
  }

  assert {
    condition     = length(aws_redshiftserverless_usage_limit.compute) == 0
    error_message = "Without an amount there is no limit."
  }
}

run "refuses_snapshots_without_a_role" {
  command = plan

  variables {
    settings = { base_capacity = 8, max_capacity = 16, snapshots = { schedule = "rate(1 day)", retention_days = 7 } }
  }

  expect_failures = [var.snapshot_role_arn]
}

run "refuses_snapshots_for_no_days" {
  command = plan

  variables {
    settings = { base_capacity = 8, max_capacity = 16, snapshots = { schedule = "rate(1 day)", retention_days = 0 } }
  }

  expect_failures = [var.settings]
}

run "refuses_a_log_and_an_action_that_redshift_lacks" {
  command = plan

  variables {
    settings = { base_capacity = 8, max_capacity = 16, audit_logs = ["querylog"], usage_limit_action = "stop" }
  }

  expect_failures = [var.settings]
}

run "refuses_a_port_subnets_and_a_name_that_redshift_refuses" {
  command = plan

  variables {
    settings   = { port = 5432 + 24, base_capacity = 8, max_capacity = 16, usage_limit_rpu_hours = 24 }
    subnet_ids = ["subnet-a", "subnet-b"]
    name       = "Xmlift_Test"
  }

  expect_failures = [var.settings, var.subnet_ids, var.name]
}

run "takes_a_large_base_capacity" {
  command = plan

  variables {
    settings = { base_capacity = 544, max_capacity = 1024 }
  }

  assert {
    condition     = aws_redshiftserverless_workgroup.main.base_capacity == 544
    error_message = "Above 512 RPU there are steps of 32."
  }
}

run "refuses_a_step_between_large_base_capacities" {
  command = plan

  variables {
    settings = { base_capacity = 520, max_capacity = 1024 }
  }

  expect_failures = [var.settings]
}

run "refuses_a_capacity_between_steps" {
  command = plan

  variables {
    settings = { base_capacity = 12, max_capacity = 16, usage_limit_rpu_hours = 24 }
  }

  expect_failures = [var.settings]
}

run "refuses_less_at_most_than_at_rest" {
  command = plan

  variables {
    settings = { base_capacity = 16, max_capacity = 8, usage_limit_rpu_hours = 24 }
  }

  expect_failures = [var.settings]
}

run "refuses_a_limit_between_steps" {
  command = plan

  variables {
    settings = { base_capacity = 8, max_capacity = 12, usage_limit_rpu_hours = 24 }
  }

  expect_failures = [var.settings]
}

run "refuses_a_limit_of_nothing" {
  command = plan

  variables {
    settings = { base_capacity = 8, max_capacity = 8, usage_limit_rpu_hours = 0 }
  }

  expect_failures = [var.settings]
}
