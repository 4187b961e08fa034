locals {
  subnet_newbits = 24 - tonumber(split("/", var.settings.cidr)[1])

  # What the functions inside call besides S3: temporary database credentials, and the administrator's secret.
  interface_services = toset(["redshift-serverless", "secretsmanager"])
}

resource "aws_vpc" "main" {
  cidr_block           = var.settings.cidr
  enable_dns_support   = true
  enable_dns_hostnames = true # private names of the interface endpoints need it

  tags = { Name = var.name }
}

resource "aws_subnet" "private" {
  count = length(var.settings.zones)

  vpc_id            = aws_vpc.main.id
  availability_zone = var.settings.zones[count.index]
  cidr_block        = cidrsubnet(var.settings.cidr, local.subnet_newbits, count.index)

  tags = { Name = "${var.name}-private-${var.settings.zones[count.index]}" }
}

# No route leaves the VPC: what is inside reaches the endpoints below and nothing else.
resource "aws_route_table" "private" {
  vpc_id = aws_vpc.main.id

  tags = { Name = "${var.name}-private" }
}

resource "aws_route_table_association" "private" {
  count = length(var.settings.zones)

  subnet_id      = aws_subnet.private[count.index].id
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
      Sid    = "LandingBucketOnly"
      Effect = "Allow"
      # A gateway endpoint accepts no other principal than "*"; the condition keeps it to this account.
      Principal = { AWS = "*" }
      Action    = "s3:*"
      Resource = [
        "arn:${var.account.partition}:s3:::${var.landing_bucket}",
        "arn:${var.account.partition}:s3:::${var.landing_bucket}/*",
      ]
      Condition = { StringEquals = { "aws:PrincipalAccount" = var.account.id } }
    }]
  })

  tags = { Name = "${var.name}-s3" }
}

resource "aws_vpc_endpoint" "interface" {
  for_each = local.interface_services

  vpc_id              = aws_vpc.main.id
  vpc_endpoint_type   = "Interface"
  service_name        = "com.amazonaws.${var.account.region}.${each.value}"
  subnet_ids          = slice(aws_subnet.private[*].id, 0, var.settings.interface_endpoint_zones)
  security_group_ids  = [aws_security_group.endpoints.id]
  private_dns_enabled = true

  tags = { Name = "${var.name}-${each.value}" }
}
