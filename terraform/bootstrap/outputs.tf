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
  description = "ARNs of the roles that workflows take on: plan and apply."
  value       = { for step, role in aws_iam_role.this : step => role.arn }

  # A role without its permissions is no use to anybody.
  depends_on = [aws_iam_role_policy.this]
}

output "workload_boundary" {
  description = "For the environment's permissions_boundary: apply may make roles with this boundary alone."
  value       = aws_iam_policy.boundary["workload"].name
}
