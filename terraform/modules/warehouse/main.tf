resource "aws_redshiftserverless_namespace" "main" {
  namespace_name                   = var.name
  db_name                          = var.settings.database
  kms_key_id                       = var.key_arn
  manage_admin_password            = true
  admin_password_secret_kms_key_id = var.key_arn
  iam_roles                        = [var.copy_role_arn]
  default_iam_role_arn             = var.copy_role_arn
  log_exports                      = sort(var.settings.audit_logs)

  # Redshift would make the groups itself, and keep them for ever.
  depends_on = [aws_cloudwatch_log_group.audit]
}

resource "aws_cloudwatch_log_group" "audit" {
  # checkov:skip=CKV_AWS_338: how long logs are kept is the environment's to say

  for_each = var.settings.audit_logs

  name              = "/aws/redshift/${var.name}/${each.key}"
  retention_in_days = var.log_retention_days
  kms_key_id        = var.key_arn
}

resource "aws_redshiftserverless_workgroup" "main" {
  namespace_name       = aws_redshiftserverless_namespace.main.namespace_name
  workgroup_name       = var.name
  base_capacity        = var.settings.base_capacity
  max_capacity         = var.settings.max_capacity
  port                 = var.settings.port
  subnet_ids           = var.subnet_ids
  security_group_ids   = var.security_group_ids
  enhanced_vpc_routing = true # COPY goes through the VPC and its S3 endpoint
  publicly_accessible  = false

  lifecycle {
    # Redshift answers parameters that were never declared, one of which this provider refuses to be given.
    ignore_changes = [config_parameter]
    # A namespace cannot be deleted while it has a workgroup: who replaces the one replaces both.
    replace_triggered_by = [aws_redshiftserverless_namespace.main.namespace_id]
  }
}

resource "aws_redshiftserverless_usage_limit" "compute" {
  count = var.settings.usage_limit_rpu_hours == null ? 0 : 1

  resource_arn  = aws_redshiftserverless_workgroup.main.arn
  usage_type    = "serverless-compute"
  period        = "daily"
  amount        = var.settings.usage_limit_rpu_hours
  breach_action = var.settings.usage_limit_action
}
