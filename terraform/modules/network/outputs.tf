output "subnet_ids" {
  description = "Private subnets, one a zone."
  value       = values(local.subnet_ids)

  depends_on = [aws_route_table_association.private]
}

output "functions_security_group_id" {
  description = "Security group of the functions inside the VPC."
  value       = aws_security_group.functions.id

  # A function that has it reaches all that it calls.
  depends_on = [
    aws_vpc_endpoint.interface,
    aws_vpc_security_group_egress_rule.functions_to_warehouse,
    aws_vpc_security_group_egress_rule.to_endpoints,
    aws_vpc_security_group_egress_rule.to_s3,
    aws_vpc_security_group_ingress_rule.endpoints_from,
  ]
}

output "extract_security_group_id" {
  description = "Security group of extract inside the VPC; null where it runs outside."
  value       = one(values(aws_security_group.extract)[*].id)

  depends_on = [
    aws_route.private_to_internet,
    aws_vpc_endpoint.interface,
    aws_vpc_security_group_egress_rule.extract_to_sources,
    aws_vpc_security_group_egress_rule.to_endpoints,
    aws_vpc_security_group_egress_rule.to_s3,
    aws_vpc_security_group_ingress_rule.endpoints_from,
  ]
}

output "warehouse_security_group_id" {
  description = "Security group of the warehouse."
  value       = aws_security_group.warehouse.id

  depends_on = [
    aws_vpc_security_group_ingress_rule.warehouse_from_functions,
    aws_vpc_security_group_egress_rule.to_s3,
  ]
}

output "interface_endpoints" {
  description = "Network interfaces of interface endpoints that are made here, each billed by the hour: endpoints times zones."
  value       = length(aws_vpc_endpoint.interface) * var.settings.interface_endpoint_zones
}
