locals {
  subnet_newbits = 24 - tonumber(split("/", var.settings.cidr)[1])

  # What the functions inside call besides S3: temporary database credentials, the administrator's secret, and whether
  # another execution still runs.
  interface_actions = {
    redshift-serverless = "redshift-serverless:GetCredentials"
    secretsmanager      = "secretsmanager:GetSecretValue"
    states              = "states:DescribeExecution"
  }

  # China has most of AWS under its own prefix, and some of it under the world's.
  service_prefixes = var.account.partition == "aws-cn" ? { states = "cn.com.amazonaws" } : {}

  endpoint_zones = slice(sort(keys(var.settings.zones)), 0, var.settings.interface_endpoint_zones)

  # The principal of an endpoint's policy is "*", and a gateway accepts no other: this condition keeps it to the account.
  this_account = { StringEquals = { "aws:PrincipalAccount" = var.account.id } }
}

resource "aws_vpc" "main" {
  cidr_block           = var.settings.cidr
  enable_dns_support   = true
  enable_dns_hostnames = true # private names of the interface endpoints need it

  tags = { Name = var.name }
}

resource "aws_subnet" "private" {
  for_each = var.settings.zones

  vpc_id            = aws_vpc.main.id
  availability_zone = each.key
  cidr_block        = cidrsubnet(var.settings.cidr, local.subnet_newbits, each.value)

  tags = { Name = "${var.name}-private-${each.key}" }
}

# No route leaves the VPC: what is inside reaches the endpoints below and nothing else.
resource "aws_route_table" "private" {
  vpc_id = aws_vpc.main.id

  tags = { Name = "${var.name}-private" }
}

resource "aws_route_table_association" "private" {
  for_each = var.settings.zones

  subnet_id      = aws_subnet.private[each.key].id
  route_table_id = aws_route_table.private.id
}

resource "aws_vpc_endpoint" "s3" {
  vpc_id            = aws_vpc.main.id
  vpc_endpoint_type = "Gateway"
  service_name      = "com.amazonaws.${var.account.region}.s3"
  route_table_ids   = [aws_route_table.private.id]

  policy = jsonencode({
    Version = "2012-10-17"
    Statement = [{
      Sid       = "LandingBucketOnly"
      Effect    = "Allow"
      Principal = { AWS = "*" }
      # Lambda fetches the functions' packages itself, outside this VPC.
      Action = ["s3:GetBucketLocation", "s3:GetObject", "s3:ListBucket", "s3:PutObject"]
      Resource = [
        "arn:${var.account.partition}:s3:::${var.landing_bucket}",
        "arn:${var.account.partition}:s3:::${var.landing_bucket}/*",
      ]
      Condition = local.this_account
    }]
  })

  tags = { Name = "${var.name}-s3" }
}

resource "aws_vpc_endpoint" "interface" {
  for_each = local.interface_actions

  vpc_id              = aws_vpc.main.id
  vpc_endpoint_type   = "Interface"
  service_name        = "${lookup(local.service_prefixes, each.key, "com.amazonaws")}.${var.account.region}.${each.key}"
  subnet_ids          = [for zone in local.endpoint_zones : aws_subnet.private[zone].id]
  security_group_ids  = [aws_security_group.endpoints.id]
  private_dns_enabled = true

  # The roles say which secret and which workgroup; here it is enough that nothing else is done, and by nobody else.
  policy = jsonencode({
    Version = "2012-10-17"
    Statement = [{
      Sid       = "WhatFunctionsCall"
      Effect    = "Allow"
      Principal = { AWS = "*" }
      Action    = each.value
      Resource  = "*"
      Condition = local.this_account
    }]
  })

  tags = { Name = "${var.name}-${each.key}" }
}
