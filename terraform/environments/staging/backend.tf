terraform {
  # The bucket encrypts with the state's key. `encrypt = true` would ask for S3's own instead, and is refused.
  backend "s3" {
    bucket              = "xmlift-terraform-state-444455556666" # a versioned bucket in the account below
    key                 = "staging/terraform.tfstate"
    region              = "eu-central-1"
    use_lockfile        = true
    allowed_account_ids = ["444455556666"]
  }
}
