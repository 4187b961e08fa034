# What holds data: while it is protected, a plan that destroys or replaces one of these is refused as a whole.
#
# `prevent_destroy` takes no variable, so it stands on this guard, which would have to go together with each of them.
# The guard refuses its own removal as well: `protect = false` alone is refused when it is planned. To lift it, somebody
# who may write the state takes the guard out of it, and plans again with `protect = false`:
#
#   terraform state rm 'module.platform.terraform_data.guard[0]'
resource "terraform_data" "guard" {
  count = var.protect ? 1 : 0

  # Ids, as names stay the same when something is replaced. Another one here is a replacement of the guard.
  triggers_replace = {
    namespace      = module.warehouse.namespace_id
    landing_bucket = module.landing.landing_bucket_id
    key            = module.key.arn
  }

  lifecycle {
    prevent_destroy = true
  }
}
