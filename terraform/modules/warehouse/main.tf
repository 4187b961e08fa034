resource "aws_redshiftserverless_namespace" "main" {
  namespace_name        = var.name
  db_name               = var.settings.database
  manage_admin_password = true
  iam_roles             = [var.copy_role_arn]
  default_iam_role_arn  = var.copy_role_arn
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
  }
}

resource "aws_redshiftserverless_usage_limit" "compute" {
  resource_arn  = aws_redshiftserverless_workgroup.main.arn
  usage_type    = "serverless-compute"
  period        = "daily"
  amount        = var.settings.usage_limit_rpu_hours
  breach_action = "deactivate"
}
