# Every flow is a pair: egress where it starts, ingress where it ends. Nothing else is open, in or out.

# What is attached without a group gets the VPC's own, in which everything reaches everything: emptied, it reaches nothing.
resource "aws_default_security_group" "unused" {
  vpc_id = aws_vpc.main.id

  tags = { Name = "${var.name}-unused" }
}

resource "aws_security_group" "functions" {
  name        = "${var.name}-functions"
  description = "Functions inside the VPC"
  vpc_id      = aws_vpc.main.id

  tags = { Name = "${var.name}-functions" }
}

resource "aws_security_group" "warehouse" {
  name        = "${var.name}-warehouse"
  description = "Redshift Serverless workgroup"
  vpc_id      = aws_vpc.main.id

  tags = { Name = "${var.name}-warehouse" }
}

resource "aws_security_group" "endpoints" {
  name        = "${var.name}-endpoints"
  description = "Interface endpoints"
  vpc_id      = aws_vpc.main.id

  tags = { Name = "${var.name}-endpoints" }
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

resource "aws_vpc_security_group_egress_rule" "functions_to_endpoints" {
  security_group_id            = aws_security_group.functions.id
  referenced_security_group_id = aws_security_group.endpoints.id
  description                  = "AWS APIs through the interface endpoints"
  ip_protocol                  = "tcp"
  from_port                    = 443
  to_port                      = 443
}

resource "aws_vpc_security_group_ingress_rule" "endpoints_from_functions" {
  security_group_id            = aws_security_group.endpoints.id
  referenced_security_group_id = aws_security_group.functions.id
  description                  = "AWS APIs for the functions"
  ip_protocol                  = "tcp"
  from_port                    = 443
  to_port                      = 443
}

# S3 has no security group of its own: its side of the pair is the gateway endpoint's policy.
resource "aws_vpc_security_group_egress_rule" "functions_to_s3" {
  security_group_id = aws_security_group.functions.id
  prefix_list_id    = aws_vpc_endpoint.s3.prefix_list_id
  description       = "S3 through the gateway endpoint"
  ip_protocol       = "tcp"
  from_port         = 443
  to_port           = 443
}

resource "aws_vpc_security_group_egress_rule" "warehouse_to_s3" {
  security_group_id = aws_security_group.warehouse.id
  prefix_list_id    = aws_vpc_endpoint.s3.prefix_list_id
  description       = "COPY from S3 through the gateway endpoint"
  ip_protocol       = "tcp"
  from_port         = 443
  to_port           = 443
}
