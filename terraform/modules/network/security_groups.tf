# Every flow is a pair: egress where it starts, ingress where it ends. Nothing else is open, in or out.

locals {
  endpoints_security_group_id = one(concat(
    values(aws_security_group.endpoints)[*].id, try([local.existing.endpoints.security_group_id], []),
  ))

  # Who calls AWS from inside.
  callers = merge(
    { functions = aws_security_group.functions.id },
    { for role, group in aws_security_group.extract : role => group.id },
  )
}

# What is attached without a group gets the VPC's own, in which everything reaches everything: emptied, it reaches nothing.
resource "aws_default_security_group" "unused" {
  for_each = local.own

  vpc_id = aws_vpc.main["main"].id

  tags = { Name = "${var.name}-unused" }
}

resource "aws_security_group" "functions" {
  # checkov:skip=CKV2_AWS_5: other modules attach it, by the output functions_security_group_id

  name        = "${var.name}-functions"
  description = "Functions inside the VPC"
  vpc_id      = local.vpc_id

  tags = { Name = "${var.name}-functions" }
}

# Apart from the others, which reach the warehouse and no endpoint: what reads foreign XML has no way to the tables.
resource "aws_security_group" "extract" {
  # checkov:skip=CKV2_AWS_5: the module function attaches it, by the output extract_security_group_id

  for_each = var.settings.extract == null ? {} : { extract = "extract" }

  name        = "${var.name}-${each.value}"
  description = "Extract inside the VPC"
  vpc_id      = local.vpc_id

  tags = { Name = "${var.name}-${each.value}" }
}

resource "aws_security_group" "warehouse" {
  # checkov:skip=CKV2_AWS_5: the module warehouse attaches it, by the output warehouse_security_group_id

  name        = "${var.name}-warehouse"
  description = "Redshift Serverless workgroup"
  vpc_id      = local.vpc_id

  tags = { Name = "${var.name}-warehouse" }
}

resource "aws_security_group" "endpoints" {
  # checkov:skip=CKV2_AWS_5: the interface endpoints carry it, by the local endpoints_security_group_id

  for_each = local.makes_endpoints ? { endpoints = "endpoints" } : {}

  name        = "${var.name}-${each.value}"
  description = "Interface endpoints"
  vpc_id      = local.vpc_id

  tags = { Name = "${var.name}-${each.value}" }
}

resource "aws_vpc_security_group_egress_rule" "functions_to_warehouse" {
  security_group_id            = aws_security_group.functions.id
  referenced_security_group_id = aws_security_group.warehouse.id
  description                  = "SQL to the warehouse"
  ip_protocol                  = "tcp"
  from_port                    = var.warehouse_port
  to_port                      = var.warehouse_port
}

resource "aws_vpc_security_group_ingress_rule" "warehouse_from_functions" {
  security_group_id            = aws_security_group.warehouse.id
  referenced_security_group_id = aws_security_group.functions.id
  description                  = "SQL from the functions"
  ip_protocol                  = "tcp"
  from_port                    = var.warehouse_port
  to_port                      = var.warehouse_port
}

resource "aws_vpc_security_group_egress_rule" "to_endpoints" {
  for_each = local.callers

  security_group_id            = each.value
  referenced_security_group_id = local.endpoints_security_group_id
  description                  = "AWS APIs through the interface endpoints"
  ip_protocol                  = "tcp"
  from_port                    = 443
  to_port                      = 443
}

resource "aws_vpc_security_group_ingress_rule" "endpoints_from" {
  for_each = local.callers

  security_group_id            = local.endpoints_security_group_id
  referenced_security_group_id = each.value
  description                  = "AWS APIs for ${var.name}-${each.key}"
  ip_protocol                  = "tcp"
  from_port                    = 443
  to_port                      = 443
}

# S3 has no security group of its own: its side of the pair is the gateway endpoint's policy.
resource "aws_vpc_security_group_egress_rule" "to_s3" {
  for_each = merge(local.callers, { warehouse = aws_security_group.warehouse.id })

  security_group_id = each.value
  prefix_list_id    = local.s3_prefix_list_id
  description       = "S3 through the gateway endpoint"
  ip_protocol       = "tcp"
  from_port         = 443
  to_port           = 443
}

# The other side of these is the endpoints' network.
resource "aws_vpc_security_group_egress_rule" "extract_to_sources" {
  for_each = coalesce(var.settings.extract, {})

  security_group_id = aws_security_group.extract["extract"].id
  cidr_ipv4         = each.value.cidr
  description       = "Sources: ${each.key}"
  ip_protocol       = "tcp"
  from_port         = each.value.port
  to_port           = each.value.port
}
