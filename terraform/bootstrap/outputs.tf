output "state" {
  description = "For the environment's backend.tf: bucket, key, region and the account that it has to be in."
  value = {
    bucket              = aws_s3_bucket.state.bucket
    key                 = local.state_key
    region              = var.region
    allowed_account_ids = [var.account_id]
  }
}

output "roles" {
  description = "ARNs of the roles that workflows take on: plan and apply, and publish where the packages are kept."
  value       = { for step, role in aws_iam_role.this : step => role.arn }

  # A role without its permissions is no use to anybody.
  depends_on = [aws_iam_role_policy.this]
}

output "artifact_bucket" {
  description = "Name of the bucket that packages are published to and fetched from."
  value       = local.artifact_bucket
}

output "workload_boundary" {
  description = "For the environment's permissions_boundary: apply may make roles with this boundary alone."
  value       = aws_iam_policy.boundary["workload"].name
}
