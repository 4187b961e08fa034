# A whole plan of this environment without AWS: what Terraform would send is real, what AWS would answer is made up
# here. tests/contract reads this plan, and holds it against docs/aws-contract.md.

mock_provider "aws" {
  source          = "../../mocks"
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
  mock_resource "aws_redshiftserverless_namespace" {
    defaults = {
      arn                       = "arn:aws:redshift-serverless:eu-central-1:111122223333:namespace/0a1b2c3d-1111-4000-8000-000000000000"
      admin_password_secret_arn = "arn:aws:secretsmanager:eu-central-1:111122223333:secret:redshift!xmlift-dev-admin-AbCdEf"
    }
  }
  mock_resource "aws_redshiftserverless_workgroup" {
    defaults = {
      arn      = "arn:aws:redshift-serverless:eu-central-1:111122223333:workgroup/0a1b2c3d-0000-4000-8000-000000000000"
      endpoint = [{ address = "xmlift-dev.111122223333.eu-central-1.redshift-serverless.amazonaws.com", port = 5439, vpc_endpoint = [] }]
    }
  }
}

run "plan" {
  command = plan

  assert {
    condition     = output.state_machine_arn == "arn:aws:states:eu-central-1:111122223333:stateMachine:xmlift-dev-pipeline:live"
    error_message = "The environment is named dev."
  }

  assert {
    condition     = alltrue([for source in output.sources : source.enabled])
    error_message = "In dev every source runs by its schedule."
  }
}

run "in_another_partition" {
  command = plan

  override_data {
    target          = module.platform.data.aws_partition.current
    override_during = plan
    values          = { partition = "aws-cn" }
  }
  override_resource {
    target          = module.platform.module.warehouse.aws_redshiftserverless_namespace.main
    override_during = plan
    values = {
      arn                       = "arn:aws-cn:redshift-serverless:eu-central-1:111122223333:namespace/0a1b2c3d-1111-4000-8000-000000000000"
      admin_password_secret_arn = "arn:aws-cn:secretsmanager:eu-central-1:111122223333:secret:redshift!xmlift-dev-admin-AbCdEf"
    }
  }
  override_resource {
    target          = module.platform.module.warehouse.aws_redshiftserverless_workgroup.main
    override_during = plan
    values = {
      arn      = "arn:aws-cn:redshift-serverless:eu-central-1:111122223333:workgroup/0a1b2c3d-0000-4000-8000-000000000000"
      endpoint = [{ address = "xmlift-dev.111122223333.eu-central-1.redshift-serverless.amazonaws.com.cn", port = 5439, vpc_endpoint = [] }]
    }
  }

  assert {
    condition     = startswith(output.state_machine_arn, "arn:aws-cn:")
    error_message = "No ARN is bound to the partition `aws`."
  }
}
