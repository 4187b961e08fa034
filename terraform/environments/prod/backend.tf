terraform {
  # The bucket encrypts with the state's key. `encrypt = true` would ask for S3's own instead, and is refused.
  backend "s3" {
    bucket              = "xmlift-terraform-state-777788889999" # a versioned bucket in the account below
    key                 = "prod/terraform.tfstate"
    region              = "eu-central-1"
    use_lockfile        = true
    allowed_account_ids = ["777788889999"]
  }
}
