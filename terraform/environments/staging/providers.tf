provider "aws" {
  region = "eu-central-1"

  # 444455556666 is the account of AWS's own examples: write the id of your account here and in backend.tf. With
  # credentials of any other account nothing is planned.
  allowed_account_ids = ["444455556666"]

  default_tags {
    tags = {
      project     = "xmlift"
      environment = "staging"
      managed_by  = "terraform"
    }
  }
}
