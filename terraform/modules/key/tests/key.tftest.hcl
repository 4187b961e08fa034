mock_provider "aws" {
  override_during = plan

  mock_resource "aws_kms_key" {
    defaults = { key_id = "0a1b2c3d-0000-4000-8000-000000000000" }
  }
}

variables {
  name                 = "xmlift-test"
  account              = { partition = "aws", region = "eu-central-1", id = "111122223333" }
  log_groups           = ["/aws/lambda/xmlift-test-*"]
  deletion_window_days = 30
}

run "rotated_named_and_of_the_account" {
  command = plan

  assert {
    condition     = aws_kms_key.main.enable_key_rotation && aws_kms_key.main.deletion_window_in_days == 30
    error_message = "A key is rotated, and can be called back for as long as the environment says."
  }

  assert {
    condition     = output.alias == "alias/xmlift-test" && aws_kms_alias.main.target_key_id == aws_kms_key.main.key_id
    error_message = "People find the key by the environment's name."
  }

  assert {
    condition     = output.arn == "arn:aws:kms:eu-central-1:111122223333:key/0a1b2c3d-0000-4000-8000-000000000000"
    error_message = "The ARN is the one that KMS makes."
  }
}

run "services_use_it_for_what_is_ours" {
  command = plan

  assert {
    condition = {
      for statement in jsondecode(aws_kms_key.main.policy).Statement :
      statement.Sid => statement.Condition if statement.Sid != "TheAccountDecides"
      } == {
      EncryptLogGroups = {
        ArnLike = {
          "kms:EncryptionContext:aws:logs:arn" = ["arn:aws:logs:eu-central-1:111122223333:log-group:/aws/lambda/xmlift-test-*"]
        }
      }
      DeliverTheLogOfTheStateMachine = {
        StringEquals = { "aws:SourceAccount" = "111122223333" }
        ArnLike      = { "aws:SourceArn" = "arn:aws:logs:eu-central-1:111122223333:*" }
      }
      PublishToTopicsAndQueues = { StringEquals = { "aws:SourceAccount" = "111122223333" } }
    }
    error_message = "A service uses the key for this account's things alone."
  }

  assert {
    condition = [
      for statement in jsondecode(aws_kms_key.main.policy).Statement : statement.Principal
      if statement.Action == "kms:*"
    ] == [{ AWS = "arn:aws:iam::111122223333:root" }]
    error_message = "Only the account itself may do everything with the key."
  }
}

run "in_china" {
  command = plan

  variables {
    account = { partition = "aws-cn", region = "cn-north-1", id = "111122223333" }
  }

  assert {
    condition     = startswith(output.arn, "arn:aws-cn:kms:cn-north-1:") && !strcontains(aws_kms_key.main.policy, "arn:aws:")
    error_message = "ARNs are of the account's partition."
  }
}

run "refuses_what_kms_and_logs_refuse" {
  command = plan

  variables {
    deletion_window_days = 6
    log_groups           = ["xmlift-test"]
  }

  expect_failures = [var.deletion_window_days, var.log_groups]
}
