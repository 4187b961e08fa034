mock_provider "aws" {
  override_during = plan
}

variables {
  name               = "xmlift-test"
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
      aws_redshiftserverless_usage_limit.compute.amount == 24 &&
      aws_redshiftserverless_usage_limit.compute.breach_action == "deactivate"
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

run "refuses_a_port_subnets_and_a_name_that_redshift_refuses" {
  command = plan

  variables {
    settings   = { port = 5432 + 24, base_capacity = 8, max_capacity = 16, usage_limit_rpu_hours = 24 }
    subnet_ids = ["subnet-a", "subnet-b"]
    name       = "Xmlift_Test"
  }

  expect_failures = [var.settings, var.subnet_ids, var.name]
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

run "refuses_to_be_unlimited" {
  command = plan

  variables {
    settings = { base_capacity = 8, max_capacity = 8, usage_limit_rpu_hours = 0 }
  }

  expect_failures = [var.settings]
}
