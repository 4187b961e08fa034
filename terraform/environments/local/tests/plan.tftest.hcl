# A whole plan of this environment without AWS: what Terraform would send is real, what AWS would answer is made up
# here. tests/contract reads this plan, and holds it against docs/aws-contract.md.

mock_provider "aws" {
  source          = "../../mocks"
  override_during = plan

  mock_data "aws_partition" {
    defaults = { partition = "aws" }
  }
  mock_data "aws_region" {
    defaults = { name = "us-east-1" }
  }
  mock_data "aws_caller_identity" {
    defaults = { account_id = "000000000000" }
  }
  mock_resource "aws_redshiftserverless_namespace" {
    defaults = {
      arn                       = "arn:aws:redshift-serverless:us-east-1:000000000000:namespace/0a1b2c3d-1111-4000-8000-000000000000"
      admin_password_secret_arn = "arn:aws:secretsmanager:us-east-1:000000000000:secret:redshift!xmlift-local-admin-AbCdEf"
    }
  }
  mock_resource "aws_redshiftserverless_workgroup" {
    defaults = {
      arn      = "arn:aws:redshift-serverless:us-east-1:000000000000:workgroup/0a1b2c3d-0000-4000-8000-000000000000"
      endpoint = [{ address = "xmlift-local.000000000000.us-east-1.redshift-serverless.amazonaws.com", port = 5439, vpc_endpoint = [] }]
    }
  }
}

variables {
  endpoint_url               = "https://127.0.0.1:8443"
  certificate_authority_file = "/certificates/ca.pem"
}

run "plan" {
  command = plan

  assert {
    condition     = output.state_machine_arn == "arn:aws:states:us-east-1:000000000000:stateMachine:xmlift-local-pipeline:live"
    error_message = "The environment is named local."
  }

  assert {
    condition     = !anytrue([for source in output.sources : source.enabled])
    error_message = "On a laptop nothing starts unasked."
  }
}

# tests/contract holds what this one may call against what its role is granted.
run "with_hooks" {
  command = plan

  variables {
    before_extract = "arn:aws:lambda:us-east-1:000000000000:function:open-the-door:live"
    after_load     = "arn:aws:lambda:us-east-1:000000000000:function:refresh-marts"
  }

  assert {
    condition     = output.functions.load.name == "xmlift-local-load"
    error_message = "Hooks stand beside the steps."
  }
}
