mock_provider "aws" {
  override_during = plan

  mock_data "aws_partition" {
    defaults = { partition = "aws" }
  }

  mock_resource "aws_kms_key" {
    defaults = { arn = "arn:aws:kms:eu-central-1:111122223333:key/11111111-2222-3333-4444-555555555555" }
  }

  mock_resource "aws_iam_policy" {
    defaults = { arn = "arn:aws:iam::111122223333:policy/a-boundary" }
  }
}

variables {
  environment = "dev"
  account_id  = "111122223333"
  region      = "eu-central-1"
  repository  = "example/xmlift"
}

run "makes_what_an_environment_stands_on" {
  command = plan

  assert {
    condition = (
      output.state.bucket == "xmlift-terraform-state-111122223333" && output.state.key == "dev/terraform.tfstate" &&
      aws_s3_bucket_versioning.state.versioning_configuration[0].status == "Enabled" &&
      aws_s3_bucket_public_access_block.state.restrict_public_buckets
    )
    error_message = "The state's bucket is what backend.tf names, versioned and private."
  }

  assert {
    condition     = [for statement in jsondecode(aws_s3_bucket_policy.state.policy).Statement : statement.Effect] == ["Deny", "Deny", "Deny"]
    error_message = "The state's bucket refuses plain HTTP, other accounts and other ways of encryption."
  }

  assert {
    condition = jsondecode(aws_iam_role.this["apply"].assume_role_policy).Statement[0].Condition.StringEquals == {
      "token.actions.githubusercontent.com:aud" = "sts.amazonaws.com"
      "token.actions.githubusercontent.com:sub" = ["repo:example/xmlift:environment:dev"]
    }
    error_message = "Only a job behind the approvals of the GitHub environment may apply."
  }

  assert {
    condition = jsondecode(aws_iam_role.this["plan"].assume_role_policy).Statement[0].Condition.StringEquals["token.actions.githubusercontent.com:sub"] == [
      "repo:example/xmlift:pull_request", "repo:example/xmlift:ref:refs/heads/main",
    ]
    error_message = "Pull requests and the deployed branch may plan."
  }

  assert {
    condition = alltrue([
      for statement in jsondecode(aws_iam_role_policy.this["plan"].policy).Statement :
      alltrue([for action in flatten([statement.Action]) : can(regex(":(Describe|Get|List|Validate|Decrypt)", action))])
    ])
    error_message = "plan reads, and does nothing else."
  }

  assert {
    condition = alltrue([
      for statement in jsondecode(aws_iam_role_policy.this["apply"].policy).Statement :
      try(statement.Condition.StringEquals["iam:PermissionsBoundary"], "") != ""
      if statement.Effect == "Allow" && length(setintersection(
        flatten([statement.Action]), ["iam:CreateRole", "iam:PutRolePolicy", "iam:PutRolePermissionsBoundary", "iam:AttachRolePolicy"],
      )) > 0
    ])
    error_message = "apply makes and changes permissions of roles within the boundary alone."
  }

  assert {
    condition = alltrue([
      for role in ["plan", "apply"] :
      aws_iam_role.this[role].permissions_boundary == aws_iam_policy.boundary["deployment"].arn &&
      startswith(aws_iam_role.this[role].name, "xmlift-deploy-")
    ])
    error_message = "Both roles are bounded, and named so that apply cannot touch them."
  }
}

run "nobody_who_deploys_deletes_what_holds_data" {
  command = plan

  assert {
    condition = alltrue([
      for action in [
        "redshift-serverless:DeleteNamespace", "redshift-serverless:DeleteSnapshot", "kms:ScheduleKeyDeletion", "s3:DeleteBucket",
        ] : contains(flatten([
          for statement in jsondecode(aws_iam_policy.boundary["deployment"].policy).Statement : statement.Action
          if statement.Effect == "Deny" && (
            statement.Resource == "*" || contains(flatten([statement.Resource]), "arn:aws:s3:::xmlift-dev-landing-111122223333")
          )
      ]), action)
    ])
    error_message = "The boundary holds, whatever the code that is deployed says of protection."
  }
}

run "nobody_who_deploys_makes_a_key_of_the_bootstrap_theirs" {
  command = plan

  assert {
    condition = one([
      for statement in jsondecode(aws_iam_policy.boundary["deployment"].policy).Statement :
      length(flatten([statement.Resource])) if statement.Sid == "TheKeysOfTheBootstrapStay"
    ]) == 2
    error_message = "The keys of the state and of the packages are both named."
  }
}

run "dev_is_destroyed_and_applied_again" {
  command = plan

  variables {
    protect = false
  }

  assert {
    condition = length([
      for statement in jsondecode(aws_iam_policy.boundary["deployment"].policy).Statement : statement.Sid
      if contains(["NoWarehouseIsLost", "NoKeyIsLost", "NothingThatLandedIsLost"], statement.Sid)
    ]) == 0
    error_message = "What is not protected may be deleted by who deploys."
  }
}

run "keeps_the_packages_of_all_environments" {
  command = plan

  assert {
    condition = output.artifact_bucket == "xmlift-artifacts-111122223333" && toset([
      for statement in jsondecode(aws_s3_bucket_policy.artifacts[0].policy).Statement : statement.Sid
    ]) == toset(["RefusePlainHttp", "RefuseOtherAccounts", "NothingIsReplaced", "NothingIsDeleted", "EnvironmentsRead"])
    error_message = "Packages are read by the deploying roles of all environments, and never replaced or deleted."
  }

  assert {
    condition = alltrue([
      for statement in [
        for statement in concat(
          jsondecode(aws_s3_bucket_policy.artifacts[0].policy).Statement, jsondecode(aws_kms_key.artifacts[0].policy).Statement,
        ) : statement if try(contains(statement.Principal.AWS, "arn:aws:iam::444455556666:root"), false)
      ] : statement.Condition.ArnLike["aws:PrincipalArn"] == "arn:aws:iam::*:role/xmlift-deploy-*"
    ])
    error_message = "Of other accounts the deploying roles read, and nobody else."
  }

  assert {
    condition = jsondecode(aws_iam_role.this["publish"].assume_role_policy).Statement[0].Condition.StringEquals["token.actions.githubusercontent.com:sub"] == [
      "repo:example/xmlift:ref:refs/heads/main",
    ]
    error_message = "What is merged is published; a pull request publishes nothing."
  }
}

run "keeps_packages_in_one_account" {
  command = plan

  variables {
    environment = "staging"
    account_id  = "444455556666"
  }

  assert {
    condition     = length(aws_s3_bucket.artifacts) == 0 && length(aws_kms_key.artifacts) == 0 && output.artifact_bucket == "xmlift-artifacts-111122223333"
    error_message = "There is one bucket for all environments."
  }

  assert {
    condition     = keys(aws_iam_role.this) == ["apply", "plan"]
    error_message = "Nobody publishes from the account of another environment."
  }
}

run "keeps_packages_for_itself_alone" {
  command = plan

  variables {
    artifacts = { account_id = "111122223333", region = "eu-central-1" }
  }

  assert {
    condition     = alltrue([for statement in jsondecode(aws_s3_bucket_policy.artifacts[0].policy).Statement : statement.Effect == "Deny"])
    error_message = "Without readers nobody is let in."
  }
}

run "refuses_an_account_that_could_not_fetch_a_package" {
  command = plan

  variables {
    account_id = "999999999999"
  }

  expect_failures = [var.artifacts]
}

run "refuses_readers_that_are_no_accounts" {
  command = plan

  variables {
    artifacts = { account_id = "111122223333", region = "eu-central-1", readers = ["*"] }
  }

  expect_failures = [var.artifacts]
}

run "refuses_a_name_that_is_taken" {
  command = plan

  variables {
    environment = "artifacts"
  }

  expect_failures = [var.environment]
}

run "uses_the_identity_provider_that_is_there" {
  command = plan

  variables {
    create_oidc_provider = false
  }

  assert {
    condition     = length(aws_iam_openid_connect_provider.github) == 0
    error_message = "An account has at most one provider of an issuer."
  }
}

run "refuses_a_repository_with_a_wildcard" {
  command = plan

  variables {
    repository = "example/*"
  }

  expect_failures = [var.repository]
}

run "refuses_a_branch_with_a_wildcard" {
  command = plan

  variables {
    branch = "*"
  }

  expect_failures = [var.branch]
}

run "refuses_what_is_no_account" {
  command = plan

  variables {
    account_id = "xmlift"
  }

  expect_failures = [var.account_id]
}

run "refuses_a_name_that_no_environment_has" {
  command = plan

  variables {
    environment = "Dev"
  }

  expect_failures = [var.environment]
}

run "refuses_what_is_no_region" {
  command = plan

  variables {
    region = "frankfurt"
  }

  expect_failures = [var.region]
}
