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
    defaults = { account_id = "444455556666" }
  }
  mock_resource "aws_redshiftserverless_namespace" {
    defaults = {
      arn                       = "arn:aws:redshift-serverless:eu-central-1:444455556666:namespace/0a1b2c3d-1111-4000-8000-000000000000"
      admin_password_secret_arn = "arn:aws:secretsmanager:eu-central-1:444455556666:secret:redshift!xmlift-staging-admin-AbCdEf"
    }
  }
  mock_resource "aws_redshiftserverless_workgroup" {
    defaults = {
      arn      = "arn:aws:redshift-serverless:eu-central-1:444455556666:workgroup/0a1b2c3d-0000-4000-8000-000000000000"
      endpoint = [{ address = "xmlift-staging.444455556666.eu-central-1.redshift-serverless.amazonaws.com", port = 5439, vpc_endpoint = [] }]
    }
  }
}

run "plan" {
  command = plan

  assert {
    condition     = output.state_machine_arn == "arn:aws:states:eu-central-1:444455556666:stateMachine:xmlift-staging-pipeline:live"
    error_message = "The environment is named staging."
  }

  assert {
    condition     = alltrue([for source in output.sources : source.enabled])
    error_message = "In staging every source runs by its schedule."
  }
}
