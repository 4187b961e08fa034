output "subnet_ids" {
  description = "Private subnets, one a zone."
  value       = values(aws_subnet.private)[*].id

  depends_on = [aws_route_table_association.private]
}

output "functions_security_group_id" {
  description = "Security group of the functions inside the VPC."
  value       = aws_security_group.functions.id

  # A function that has it reaches all that it calls.
  depends_on = [
    aws_vpc_endpoint.interface,
    aws_vpc_security_group_egress_rule.functions_to_warehouse,
    aws_vpc_security_group_egress_rule.functions_to_endpoints,
    aws_vpc_security_group_egress_rule.functions_to_s3,
    aws_vpc_security_group_ingress_rule.endpoints_from_functions,
  ]
}

output "warehouse_security_group_id" {
  description = "Security group of the warehouse."
  value       = aws_security_group.warehouse.id

  depends_on = [
    aws_vpc_security_group_ingress_rule.warehouse_from_functions,
    aws_vpc_security_group_egress_rule.warehouse_to_s3,
  ]
}
