provider "aws" {
  region              = var.region
  allowed_account_ids = [var.account_id]

  default_tags {
    tags = {
      project     = "xmlift"
      environment = var.environment
      managed_by  = "terraform-bootstrap"
    }
  }
}
