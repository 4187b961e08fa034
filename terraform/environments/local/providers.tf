provider "aws" {
  region = "us-east-1"

  # The emulator's account: with credentials of a real one, nothing is planned.
  allowed_account_ids = ["000000000000"]

  default_tags {
    tags = {
      project     = "xmlift"
      environment = "local"
      managed_by  = "terraform"
    }
  }
}
