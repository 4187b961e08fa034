output "workgroup" {
  description = "Name of the workgroup, as GetCredentials takes it."
  value       = aws_redshiftserverless_workgroup.main.workgroup_name
}

output "workgroup_arn" {
  description = "ARN of the workgroup; it ends in an id that AWS gives."
  value       = aws_redshiftserverless_workgroup.main.arn
}

output "namespace" {
  description = "Name of the namespace."
  value       = aws_redshiftserverless_namespace.main.namespace_name
}

output "namespace_id" {
  description = "Id of the namespace: another one is another, empty warehouse."
  value       = aws_redshiftserverless_namespace.main.namespace_id
}

output "database" {
  description = "Name of the database."
  value       = aws_redshiftserverless_namespace.main.db_name
}

output "host" {
  description = "Address of the workgroup's endpoint inside the VPC."
  value       = aws_redshiftserverless_workgroup.main.endpoint[0].address
}

output "port" {
  description = "Port of the workgroup's endpoint."
  value       = aws_redshiftserverless_workgroup.main.endpoint[0].port
}

output "admin_secret_arn" {
  description = "Secret that Redshift keeps the administrator's password in."
  value       = aws_redshiftserverless_namespace.main.admin_password_secret_arn
}

output "namespace_arn" {
  description = "ARN of the namespace; it ends in an id that AWS gives."
  value       = aws_redshiftserverless_namespace.main.arn
}
