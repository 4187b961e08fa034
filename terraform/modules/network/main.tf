locals {
  existing = var.settings.existing
  own      = local.existing == null ? { main = var.settings } : {}

  # Where there is a VPC already its ids are given; else they are those of what is made below.
  vpc_id = one(concat(values(aws_vpc.main)[*].id, local.existing[*].vpc_id))

  subnet_ids = local.existing == null ? {
    for zone, subnet in aws_subnet.private : zone => subnet.id
  } : local.existing.subnet_ids

  # China has most of AWS under its own prefix, and some of it under the world's.
  service_prefixes = var.account.partition == "aws-cn" ? { states = "cn.com.amazonaws" } : {}

  # The principal of an endpoint's policy is "*", and a gateway accepts no other: this condition keeps it to the account.
  this_account = { StringEquals = { "aws:PrincipalAccount" = var.account.id } }
}

resource "aws_vpc" "main" {
  # checkov:skip=CKV2_AWS_11: flow logs are the environment's to ask for, by network.flow_logs
  # checkov:skip=CKV2_AWS_12: aws_default_security_group.unused empties it, which a test of the plan shows

  for_each = local.own

  cidr_block           = each.value.cidr
  enable_dns_support   = true
  enable_dns_hostnames = true # private names of the interface endpoints need it

  tags = { Name = var.name }
}

resource "aws_subnet" "private" {
  for_each = var.settings.zones

  vpc_id            = aws_vpc.main["main"].id
  availability_zone = each.key
  cidr_block        = cidrsubnet(var.settings.cidr, local.subnet_newbits, each.value)

  tags = { Name = "${var.name}-private-${each.key}" }
}

locals {
  subnet_newbits = local.existing == null ? 24 - tonumber(split("/", var.settings.cidr)[1]) : 0
}

# No route leaves the VPC, but to a NAT gateway where one is asked for: what is inside reaches the endpoints and no more.
resource "aws_route_table" "private" {
  for_each = local.own

  vpc_id = aws_vpc.main["main"].id

  tags = { Name = "${var.name}-private" }
}

resource "aws_route_table_association" "private" {
  for_each = var.settings.zones

  subnet_id      = aws_subnet.private[each.key].id
  route_table_id = aws_route_table.private["main"].id
}

# To S3: by the bucket of the access logs no role is needed, and what nobody reads costs little.
resource "aws_flow_log" "main" {
  for_each = var.settings.flow_logs ? local.own : {}

  vpc_id               = aws_vpc.main["main"].id
  traffic_type         = "ALL"
  log_destination_type = "s3"
  log_destination      = "arn:${var.account.partition}:s3:::${var.log_bucket}/flow-logs/"

  tags = { Name = var.name }
}
