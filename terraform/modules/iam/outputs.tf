# ARNs are made from names, so that a plan shows who may do what before the roles exist; depends_on makes whoever
# reads them wait for the permissions: AWS tests a role when it creates a state machine or a function in a VPC.

output "function_role_arns" {
  description = "Role of each function: step => ARN."
  value       = { for step, _ in var.functions : step => "${local.role_arn_prefix}-${step}" }
  depends_on  = [aws_iam_role_policy.this]
}

output "copy_role_arn" {
  description = "Role that COPY reads the landing bucket with."
  value       = "${local.role_arn_prefix}-copy"
  # Only what the warehouse itself needs: the other policies name the workgroup, and would close a circle.
  depends_on = [aws_iam_role_policy.copy]
}

output "pipeline_role_arn" {
  description = "Role of the state machine."
  value       = "${local.role_arn_prefix}-pipeline"
  depends_on  = [aws_iam_role_policy.this]
}

output "inbox_role_arn" {
  description = "Role that the rules for dropped files start the state machine with."
  value       = "${local.role_arn_prefix}-inbox"
  depends_on  = [aws_iam_role_policy.this]
}

output "schedule_role_arn" {
  description = "Role that schedules start the state machine with."
  value       = "${local.role_arn_prefix}-schedule"
  depends_on  = [aws_iam_role_policy.this]
}

output "snapshot_role_arn" {
  description = "Role that the warehouse's snapshots are taken with; null where none are."
  value       = var.takes_snapshots ? "${local.role_arn_prefix}-snapshot" : null
  depends_on  = [aws_iam_role_policy.this]
}
