# A way to the internet for extract inside the VPC, where it is asked for: one gateway, in the first zone. Its subnet is
# the last /24 of the range; nothing but the gateway is in it.

locals {
  nat = var.settings.nat ? local.own : {}
}

resource "aws_internet_gateway" "main" {
  for_each = local.nat

  vpc_id = aws_vpc.main["main"].id

  tags = { Name = var.name }
}

resource "aws_subnet" "public" {
  for_each = local.nat

  vpc_id            = aws_vpc.main["main"].id
  availability_zone = sort(keys(var.settings.zones))[0]
  cidr_block        = cidrsubnet(each.value.cidr, local.subnet_newbits, pow(2, local.subnet_newbits) - 1)

  tags = { Name = "${var.name}-public" }
}

resource "aws_route_table" "public" {
  for_each = local.nat

  vpc_id = aws_vpc.main["main"].id

  tags = { Name = "${var.name}-public" }
}

resource "aws_route_table_association" "public" {
  for_each = local.nat

  subnet_id      = aws_subnet.public["main"].id
  route_table_id = aws_route_table.public["main"].id
}

resource "aws_route" "public_to_internet" {
  for_each = local.nat

  route_table_id         = aws_route_table.public["main"].id
  destination_cidr_block = "0.0.0.0/0"
  gateway_id             = aws_internet_gateway.main["main"].id
}

resource "aws_eip" "nat" {
  # checkov:skip=CKV2_AWS_19: it is a NAT gateway's, not an instance's

  for_each = local.nat

  domain = "vpc"

  tags = { Name = "${var.name}-nat" }

  depends_on = [aws_internet_gateway.main]
}

resource "aws_nat_gateway" "main" {
  for_each = local.nat

  allocation_id = aws_eip.nat["main"].id
  subnet_id     = aws_subnet.public["main"].id

  tags = { Name = var.name }

  depends_on = [aws_route.public_to_internet]
}

# What may take it, the security groups say: those of the warehouse and of the other functions have no such rule.
resource "aws_route" "private_to_internet" {
  for_each = local.nat

  route_table_id         = aws_route_table.private["main"].id
  destination_cidr_block = "0.0.0.0/0"
  nat_gateway_id         = aws_nat_gateway.main["main"].id
}
