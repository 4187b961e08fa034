terraform {
  backend "s3" {
    bucket              = "xmlift-terraform-state-777788889999" # a versioned bucket in the account below
    key                 = "prod/terraform.tfstate"
    region              = "eu-central-1"
    encrypt             = true
    use_lockfile        = true
    allowed_account_ids = ["777788889999"]
  }
}
