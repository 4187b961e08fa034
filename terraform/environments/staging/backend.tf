terraform {
  backend "s3" {
    bucket              = "xmlift-terraform-state-444455556666" # a versioned bucket in the account below
    key                 = "staging/terraform.tfstate"
    region              = "eu-central-1"
    encrypt             = true
    use_lockfile        = true
    allowed_account_ids = ["444455556666"]
  }
}
