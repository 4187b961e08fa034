mock_provider "aws" {
  override_during = plan
}

variables {
  name             = "xmlift-test"
  account          = { partition = "aws", region = "eu-central-1", id = "111122223333" }
  state_machine    = { name = "xmlift-test-pipeline", alias = "live", map_label = "extract" }
  schedule_group   = "xmlift-test"
  failures_topic   = "xmlift-test-failures"
  event_bus        = "default"
  hooks            = []
  landing_bucket   = "xmlift-test-landing-111122223333"
  source_secrets   = ["xmlift/test/ewm"]
  key_arn          = "arn:aws:kms:eu-central-1:111122223333:key/0a1b2c3d-0000-4000-8000-000000000000"
  admin_secret_arn = "arn:aws:secretsmanager:eu-central-1:111122223333:secret:redshift!xmlift-test-admin-AbCdEf"
  workgroup_arn    = "arn:aws:redshift-serverless:eu-central-1:111122223333:workgroup/0a1b2c3d-0000-4000-8000-000000000000"
  namespace_arn    = "arn:aws:redshift-serverless:eu-central-1:111122223333:namespace/0a1b2c3d-0000-4000-8000-000000000001"
  tracing          = false
  functions = {
    plan    = { arn = "arn:aws:lambda:eu-central-1:111122223333:function:xmlift-test-plan", log_group = "/aws/lambda/xmlift-test-plan", in_vpc = true }
    extract = { arn = "arn:aws:lambda:eu-central-1:111122223333:function:xmlift-test-extract", log_group = "/aws/lambda/xmlift-test-extract", in_vpc = false }
    load    = { arn = "arn:aws:lambda:eu-central-1:111122223333:function:xmlift-test-load", log_group = "/aws/lambda/xmlift-test-load", in_vpc = true }
    report  = { arn = "arn:aws:lambda:eu-central-1:111122223333:function:xmlift-test-report", log_group = "/aws/lambda/xmlift-test-report", in_vpc = true }
    migrate = { arn = "arn:aws:lambda:eu-central-1:111122223333:function:xmlift-test-migrate", log_group = "/aws/lambda/xmlift-test-migrate", in_vpc = true }
  }
}

run "least_privilege" {
  command = plan

  assert {
    condition = (
      keys(aws_iam_role.this) == ["copy", "extract", "inbox", "load", "migrate", "pipeline", "plan", "report", "schedule"] &&
      aws_iam_role.this["load"].name == "xmlift-test-load"
    )
    error_message = "Role names are fixed: database users are made from them."
  }

  assert {
    condition     = output.function_role_arns.load == "arn:aws:iam::111122223333:role/xmlift-test-load"
    error_message = "An ARN that is made from a name has to be the one that AWS makes."
  }

  assert {
    condition = [
      for step, policy in aws_iam_role_policy.this : step if strcontains(policy.policy, "secret:xmlift/test/ewm-??????")
    ] == ["extract"]
    error_message = "A source's login is extract's business alone."
  }

  assert {
    condition = [
      for step, policy in aws_iam_role_policy.this : step
      if strcontains(policy.policy, "/raw/*") || strcontains(policy.policy, "/inbox/*")
    ] == ["extract"]
    error_message = "Answers as they came, and files as they were dropped, are extract's business alone."
  }

  assert {
    condition = (
      jsondecode(aws_iam_role_policy.this["inbox"].policy).Statement[*].Sid == ["StartThePipeline"] &&
      jsondecode(aws_iam_role.this["inbox"].assume_role_policy).Statement[0].Condition.ArnLike["aws:SourceArn"] ==
      "arn:aws:events:eu-central-1:111122223333:rule/xmlift-test-*"
    )
    error_message = "A rule for dropped files may start the pipeline, and do nothing else."
  }

  assert {
    condition = {
      for role, policy in merge(aws_iam_role_policy.this, { copy = aws_iam_role_policy.copy }) : role => toset(flatten([
        for statement in jsondecode(policy.policy).Statement : statement.Action if contains(["UseTheKey", "ReadSchedules"], statement.Sid)
      ]))
      } == {
      copy     = toset(["kms:Decrypt"])
      extract  = toset(["kms:Decrypt", "kms:GenerateDataKey"])
      inbox    = toset([])
      load     = toset(["kms:Decrypt", "kms:GenerateDataKey"])
      migrate  = toset(["kms:Decrypt"])
      pipeline = toset(["kms:Decrypt", "kms:GenerateDataKey"])
      plan     = toset(["kms:Decrypt", "kms:GenerateDataKey"])
      report   = toset(["kms:Decrypt", "kms:GenerateDataKey"])
      schedule = toset(["kms:Decrypt"])
    }
    error_message = "Who only reads may decrypt and no more."
  }

  assert {
    condition = [
      for step, policy in aws_iam_role_policy.this : step if strcontains(policy.policy, var.admin_secret_arn)
    ] == ["migrate"]
    error_message = "The administrator's password is migrate's alone."
  }

  assert {
    condition = [
      for step, policy in aws_iam_role_policy.this : step if strcontains(policy.policy, "ec2:CreateNetworkInterface")
    ] == ["load", "migrate", "plan", "report"]
    error_message = "Whoever is inside needs network interfaces, and nobody else does."
  }

  assert {
    condition = [
      for step, policy in aws_iam_role_policy.this : step if strcontains(policy.policy, "states:DescribeExecution")
    ] == ["pipeline", "plan"]
    error_message = "Only plan asks whether another execution still runs; the pipeline follows the children of its Map."
  }

  assert {
    condition = one([
      for statement in jsondecode(aws_iam_role_policy.this["plan"].policy).Statement :
      statement.Resource if statement.Action == "states:DescribeExecution"
    ]) == "arn:aws:states:eu-central-1:111122223333:execution:xmlift-test-pipeline:*"
    error_message = "plan asks of executions of this pipeline and of no other."
  }

  assert {
    condition = alltrue([
      for policy in aws_iam_role_policy.this : !strcontains(policy.policy, "xray:")
    ])
    error_message = "Without tracing nobody writes traces."
  }
}

run "no_secrets_no_statement" {
  command = plan

  variables {
    source_secrets = []
  }

  assert {
    condition     = !strcontains(aws_iam_role_policy.this["extract"].policy, "secretsmanager:GetSecretValue")
    error_message = "Without sources that log in there is nothing to read, and an empty Resource is no policy."
  }
}

run "traced_in_another_partition" {
  command = plan

  variables {
    tracing          = true
    account          = { partition = "aws-cn", region = "cn-north-1", id = "111122223333" }
    key_arn          = "arn:aws-cn:kms:cn-north-1:111122223333:key/0a1b2c3d-0000-4000-8000-000000000000"
    admin_secret_arn = "arn:aws-cn:secretsmanager:cn-north-1:111122223333:secret:redshift!xmlift-test-admin-AbCdEf"
    workgroup_arn    = "arn:aws-cn:redshift-serverless:cn-north-1:111122223333:workgroup/0a1b2c3d-0000-4000-8000-000000000000"
  }

  assert {
    condition = [
      for step, policy in aws_iam_role_policy.this : step if strcontains(policy.policy, "xray:PutTraceSegments")
    ] == ["extract", "load", "migrate", "pipeline", "plan", "report"]
    error_message = "The functions and the state machine write traces."
  }

  assert {
    condition     = !strcontains(aws_iam_role_policy.copy.policy, "arn:aws:") && !strcontains(aws_iam_role_policy.this["schedule"].policy, "arn:aws:")
    error_message = "ARNs are of the account's partition."
  }
}

run "refuses_a_step_without_a_role_and_a_name_that_iam_refuses" {
  command = plan

  variables {
    functions = {
      plan = { arn = "arn:aws:lambda:eu-central-1:111122223333:function:xmlift-test-plan", log_group = "/aws/lambda/xmlift-test-plan", in_vpc = true }
    }
    name = "xmlift-${join("", [for _ in range(60) : "x"])}"
  }

  expect_failures = [var.functions, var.name]
}

run "bounds_every_role" {
  command = plan

  variables {
    permissions_boundary_arn = "arn:aws:iam::111122223333:policy/xmlift-deploy-test-workload"
  }

  assert {
    condition = alltrue([
      for role in values(aws_iam_role.this) : role.permissions_boundary == "arn:aws:iam::111122223333:policy/xmlift-deploy-test-workload"
    ])
    error_message = "Whoever deploys may make no role without the boundary: each has it."
  }
}

run "takes_snapshots_of_one_namespace" {
  command = plan

  variables {
    takes_snapshots = true
  }

  assert {
    condition = (
      jsondecode(aws_iam_role_policy.this["snapshot"].policy).Statement[*].Sid == ["TakeSnapshotsOfTheWarehouse", "ReadSchedules"] &&
      jsondecode(aws_iam_role_policy.this["snapshot"].policy).Statement[0].Resource == [
        "arn:aws:redshift-serverless:eu-central-1:111122223333:namespace/0a1b2c3d-0000-4000-8000-000000000001",
        "arn:aws:redshift-serverless:eu-central-1:111122223333:snapshot/*",
      ]
    )
    error_message = "The schedule of snapshots does nothing else."
  }

  assert {
    condition     = output.snapshot_role_arn == "arn:aws:iam::111122223333:role/xmlift-test-snapshot"
    error_message = "The schedule takes on the role of that name."
  }
}

run "hooks_are_called_and_nothing_else" {
  command = plan

  variables {
    event_bus = "runs"
    hooks     = ["arn:aws:lambda:eu-central-1:111122223333:function:refresh-marts:live"]
  }

  assert {
    condition = one([
      for statement in jsondecode(aws_iam_role_policy.this["pipeline"].policy).Statement : statement.Resource
      if statement.Sid == "CallTheHooks"
    ]) == ["arn:aws:lambda:eu-central-1:111122223333:function:refresh-marts:live"]
    error_message = "The state machine may call the very ARN that it is given."
  }

  assert {
    condition = one([
      for statement in jsondecode(aws_iam_role_policy.this["pipeline"].policy).Statement : statement
      if statement.Sid == "AnnounceCompletedRuns"
      ]) == {
      Sid       = "AnnounceCompletedRuns"
      Effect    = "Allow"
      Action    = "events:PutEvents"
      Resource  = "arn:aws:events:eu-central-1:111122223333:event-bus/runs"
      Condition = { StringEquals = { "events:source" = "xmlift" } }
    }
    error_message = "Events go to the environment's bus, as ours."
  }
}
