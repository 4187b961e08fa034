provider "aws" {
  region = "eu-central-1"

  # 111122223333 is the account of AWS's own examples: write the id of your account here and in backend.tf. With
  # credentials of any other account nothing is planned.
  allowed_account_ids = ["111122223333"]

  default_tags {
    tags = {
      project     = "xmlift"
      environment = "dev"
      managed_by  = "terraform"
    }
  }
}
