# How AWS is reached without a way out. A VPC that has its endpoints already keeps them: a second private name of one
# service is refused.

locals {
  makes_endpoints = try(local.existing.endpoints, null) == null

  # What the functions inside call besides S3: temporary database credentials, the administrator's and the sources' secrets,
  # and whether another execution still runs.
  interface_actions = {
    redshift-serverless = "redshift-serverless:GetCredentials"
    secretsmanager      = "secretsmanager:GetSecretValue"
    states              = "states:DescribeExecution"
  }

  endpoint_zones = slice(sort(keys(local.subnet_ids)), 0, var.settings.interface_endpoint_zones)

  # extract reads dropped files by their version, where it is inside.
  s3_actions = concat(
    ["s3:GetBucketLocation", "s3:GetObject"],
    var.settings.extract == null ? [] : ["s3:GetObjectVersion"],
    ["s3:ListBucket", "s3:PutObject"],
  )

  s3_prefix_list_id = one(concat(values(aws_vpc_endpoint.s3)[*].prefix_list_id, values(data.aws_prefix_list.s3)[*].id))
}

resource "aws_vpc_endpoint" "s3" {
  for_each = local.makes_endpoints ? { main = "s3" } : {}

  vpc_id            = local.vpc_id
  vpc_endpoint_type = "Gateway"
  service_name      = "com.amazonaws.${var.account.region}.${each.value}"
  route_table_ids   = concat(values(aws_route_table.private)[*].id, try(tolist(local.existing.route_table_ids), []))

  policy = jsonencode({
    Version = "2012-10-17"
    Statement = [{
      Sid       = "LandingBucketOnly"
      Effect    = "Allow"
      Principal = { AWS = "*" }
      # Lambda fetches the functions' packages itself, outside this VPC.
      Action = local.s3_actions
      Resource = [
        "arn:${var.account.partition}:s3:::${var.landing_bucket}",
        "arn:${var.account.partition}:s3:::${var.landing_bucket}/*",
      ]
      Condition = local.this_account
    }]
  })

  tags = { Name = "${var.name}-s3" }
}

data "aws_prefix_list" "s3" {
  for_each = local.makes_endpoints ? {} : { main = "s3" }

  name = "com.amazonaws.${var.account.region}.${each.value}"
}

resource "aws_vpc_endpoint" "interface" {
  for_each = local.makes_endpoints ? local.interface_actions : {}

  vpc_id              = local.vpc_id
  vpc_endpoint_type   = "Interface"
  service_name        = "${lookup(local.service_prefixes, each.key, "com.amazonaws")}.${var.account.region}.${each.key}"
  subnet_ids          = [for zone in local.endpoint_zones : local.subnet_ids[zone]]
  security_group_ids  = [local.endpoints_security_group_id]
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
