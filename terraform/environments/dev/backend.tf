terraform {
  backend "s3" {
    bucket              = "xmlift-terraform-state-111122223333" # a versioned bucket in the account below
    key                 = "dev/terraform.tfstate"
    region              = "eu-central-1"
    encrypt             = true
    use_lockfile        = true
    allowed_account_ids = ["111122223333"]
  }
}
