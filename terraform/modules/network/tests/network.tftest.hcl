mock_provider "aws" {
  override_during = plan
}

variables {
  name           = "xmlift-test"
  account        = { partition = "aws", region = "eu-central-1", id = "111122223333" }
  landing_bucket = "xmlift-test-landing-111122223333"
  log_bucket     = "xmlift-test-access-logs-111122223333"
  warehouse_port = 5439
  settings = {
    cidr  = "10.0.0.0/20"
    zones = { eu-central-1a = 0, eu-central-1b = 1, eu-central-1c = 2 }
  }
}

run "subnets_endpoints_and_ports" {
  command = plan

  variables {
    warehouse_port = 5440
  }

  assert {
    condition     = values(aws_subnet.private)[*].cidr_block == ["10.0.0.0/24", "10.0.1.0/24", "10.0.2.0/24"]
    error_message = "Three /24 from the beginning of the range."
  }

  assert {
    condition     = length(output.subnet_ids) == 3
    error_message = "The warehouse needs all three."
  }

  assert {
    condition = (
      keys(aws_vpc_endpoint.interface) == ["redshift-serverless", "secretsmanager", "states"] &&
      alltrue([for endpoint in aws_vpc_endpoint.interface : length(endpoint.subnet_ids) == 1])
    )
    error_message = "One network interface of each, unless interface_endpoint_zones says more."
  }

  assert {
    condition     = aws_vpc_endpoint.interface["secretsmanager"].service_name == "com.amazonaws.eu-central-1.secretsmanager"
    error_message = "Service names are the region's."
  }

  assert {
    condition = (
      aws_vpc_security_group_egress_rule.functions_to_warehouse.from_port == 5440 &&
      aws_vpc_security_group_ingress_rule.warehouse_from_functions.to_port == 5440
    )
    error_message = "Both sides of the pair open the warehouse's port."
  }
}

run "endpoints_in_every_zone" {
  command = plan

  override_resource {
    target          = aws_subnet.private["eu-central-1a"]
    values          = { id = "subnet-a" }
    override_during = plan
  }
  override_resource {
    target          = aws_subnet.private["eu-central-1b"]
    values          = { id = "subnet-b" }
    override_during = plan
  }
  override_resource {
    target          = aws_subnet.private["eu-central-1c"]
    values          = { id = "subnet-c" }
    override_during = plan
  }

  variables {
    settings = {
      cidr                     = "10.0.0.0/16"
      zones                    = { eu-central-1a = 0, eu-central-1b = 1, eu-central-1c = 2 }
      interface_endpoint_zones = 3
    }
  }

  assert {
    condition     = aws_vpc_endpoint.interface["secretsmanager"].subnet_ids == toset(["subnet-a", "subnet-b", "subnet-c"])
    error_message = "Three zones mean three network interfaces."
  }

  assert {
    condition     = aws_subnet.private["eu-central-1c"].cidr_block == "10.0.2.0/24"
    error_message = "Subnets are /24 in a larger range too."
  }
}

run "service_names_of_china" {
  command = plan

  variables {
    account = { partition = "aws-cn", region = "cn-north-1", id = "111122223333" }
  }

  assert {
    condition = { for service, endpoint in aws_vpc_endpoint.interface : service => endpoint.service_name } == {
      redshift-serverless = "com.amazonaws.cn-north-1.redshift-serverless"
      secretsmanager      = "com.amazonaws.cn-north-1.secretsmanager"
      states              = "cn.com.amazonaws.cn-north-1.states"
    }
    error_message = "Step Functions has a prefix of its own there."
  }
}

run "refuses_a_range_that_holds_no_three_subnets" {
  command = plan

  variables {
    settings = {
      cidr  = "10.0.0.0/24"
      zones = { eu-central-1a = 0, eu-central-1b = 1, eu-central-1c = 2 }
    }
  }

  expect_failures = [var.settings]
}

run "refuses_two_zones" {
  command = plan

  variables {
    settings = {
      cidr  = "10.0.0.0/20"
      zones = { eu-central-1a = 0, eu-central-1b = 1 }
    }
  }

  expect_failures = [var.settings]
}

run "keeps_the_subnets_of_two_zones_when_the_third_is_another" {
  command = plan

  variables {
    settings = {
      cidr  = "10.0.0.0/20"
      zones = { eu-central-1d = 3, eu-central-1c = 2, eu-central-1b = 1 }
    }
  }

  assert {
    condition = { for zone, subnet in aws_subnet.private : zone => subnet.cidr_block } == {
      eu-central-1b = "10.0.1.0/24"
      eu-central-1c = "10.0.2.0/24"
      eu-central-1d = "10.0.3.0/24"
    }
    error_message = "A subnet's range goes with its zone, and not with a place in a list."
  }
}

run "refuses_two_zones_in_one_range" {
  command = plan

  variables {
    settings = {
      cidr  = "10.0.0.0/20"
      zones = { eu-central-1a = 0, eu-central-1b = 1, eu-central-1c = 1 }
    }
  }

  expect_failures = [var.settings]
}

run "refuses_a_subnet_outside_the_range" {
  command = plan

  variables {
    settings = {
      cidr  = "10.0.0.0/22"
      zones = { eu-central-1a = 0, eu-central-1b = 1, eu-central-1c = 4 }
    }
  }

  expect_failures = [var.settings]
}

run "refuses_a_fourth_endpoint_zone" {
  command = plan

  variables {
    settings = {
      cidr                     = "10.0.0.0/20"
      zones                    = { eu-central-1a = 0, eu-central-1b = 1, eu-central-1c = 2 }
      interface_endpoint_zones = 4
    }
  }

  expect_failures = [var.settings]
}

run "extract_is_outside_and_nothing_leads_out" {
  command = plan

  assert {
    condition = (
      output.extract_security_group_id == null && length(aws_security_group.extract) == 0 &&
      length(aws_vpc_security_group_egress_rule.extract_to_sources) + length(aws_nat_gateway.main) + length(aws_internet_gateway.main) == 0
    )
    error_message = "Unless it is asked for, extract is outside, and no way leads out of the VPC."
  }

  assert {
    condition     = !strcontains(aws_vpc_endpoint.s3["main"].policy, "GetObjectVersion") && length(aws_flow_log.main) == 0
    error_message = "Who runs outside needs nothing of the endpoint, and flow logs are written where they are asked for."
  }

  assert {
    condition     = output.interface_endpoints == 3
    error_message = "Three endpoints in one zone are three network interfaces."
  }
}

run "extract_is_inside_and_reaches_what_is_named" {
  command = plan

  variables {
    settings = {
      existing = {
        vpc_id          = "vpc-corporate"
        subnet_ids      = { eu-central-1a = "subnet-a", eu-central-1b = "subnet-b", eu-central-1c = "subnet-c" }
        route_table_ids = ["rtb-a", "rtb-b"]
      }
      extract = { elm = { cidr = "10.20.0.0/16", port = 9443 } }
    }
  }

  override_resource {
    target          = aws_security_group.extract["extract"]
    values          = { id = "sg-extract" }
    override_during = plan
  }
  override_resource {
    target          = aws_security_group.functions
    values          = { id = "sg-functions" }
    override_during = plan
  }

  assert {
    condition = [
      for rule in aws_vpc_security_group_egress_rule.extract_to_sources :
      "${rule.security_group_id} ${rule.cidr_ipv4} ${rule.from_port} ${rule.to_port}"
    ] == ["sg-extract 10.20.0.0/16 9443 9443"]
    error_message = "extract reaches what is named, and by its own group."
  }

  assert {
    condition = (
      output.extract_security_group_id == "sg-extract" &&
      aws_vpc_security_group_ingress_rule.warehouse_from_functions.referenced_security_group_id == "sg-functions" &&
      keys(aws_vpc_security_group_ingress_rule.endpoints_from) == ["extract", "functions"] &&
      strcontains(aws_vpc_endpoint.s3["main"].policy, "s3:GetObjectVersion")
    )
    error_message = "extract reaches the endpoints, and never the warehouse."
  }

  assert {
    condition = (
      length(aws_vpc.main) + length(aws_subnet.private) + length(aws_route_table.private) + length(aws_default_security_group.unused) == 0 &&
      output.subnet_ids == tolist(["subnet-a", "subnet-b", "subnet-c"]) &&
      aws_security_group.warehouse.vpc_id == "vpc-corporate" &&
      aws_vpc_endpoint.s3["main"].route_table_ids == toset(["rtb-a", "rtb-b"]) &&
      aws_vpc_endpoint.interface["states"].subnet_ids == toset(["subnet-a"])
    )
    error_message = "A VPC that exists is used, and nothing of it made anew."
  }
}

run "endpoints_that_exist_are_used" {
  command = plan

  variables {
    settings = {
      existing = {
        vpc_id     = "vpc-corporate"
        subnet_ids = { eu-central-1a = "subnet-a", eu-central-1b = "subnet-b", eu-central-1c = "subnet-c" }
        endpoints  = { security_group_id = "sg-endpoints" }
      }
    }
  }

  override_data {
    target          = data.aws_prefix_list.s3["main"]
    values          = { id = "pl-s3" }
    override_during = plan
  }

  assert {
    condition = (
      length(aws_vpc_endpoint.s3) + length(aws_vpc_endpoint.interface) + length(aws_security_group.endpoints) == 0 &&
      output.interface_endpoints == 0
    )
    error_message = "A second private name of one service is refused: nothing is made that is there."
  }

  assert {
    condition = (
      aws_vpc_security_group_egress_rule.to_endpoints["functions"].referenced_security_group_id == "sg-endpoints" &&
      aws_vpc_security_group_ingress_rule.endpoints_from["functions"].security_group_id == "sg-endpoints" &&
      { for from, rule in aws_vpc_security_group_egress_rule.to_s3 : from => rule.prefix_list_id } == { functions = "pl-s3", warehouse = "pl-s3" }
    )
    error_message = "The VPC's endpoints are opened to the functions, and S3 by its prefix list."
  }
}

run "a_nat_gateway_where_it_is_asked_for" {
  command = plan

  variables {
    settings = {
      cidr      = "10.0.0.0/20"
      zones     = { eu-central-1a = 0, eu-central-1b = 1, eu-central-1c = 2 }
      extract   = { internet = { cidr = "0.0.0.0/0" } }
      nat       = true
      flow_logs = true
    }
  }

  override_resource {
    target          = aws_nat_gateway.main["main"]
    values          = { id = "nat-a" }
    override_during = plan
  }
  override_resource {
    target          = aws_internet_gateway.main["main"]
    values          = { id = "igw-a" }
    override_during = plan
  }

  assert {
    condition = (
      aws_subnet.public["main"].cidr_block == "10.0.15.0/24" && aws_subnet.public["main"].availability_zone == "eu-central-1a" &&
      aws_route.private_to_internet["main"].nat_gateway_id == "nat-a" && aws_route.public_to_internet["main"].gateway_id == "igw-a"
    )
    error_message = "The gateway stands in the last /24, and the private subnets' way out is the gateway."
  }

  assert {
    condition     = aws_flow_log.main["main"].log_destination == "arn:aws:s3:::xmlift-test-access-logs-111122223333/flow-logs/"
    error_message = "Flow logs are written beside the access logs."
  }
}

run "refuses_a_way_out_that_is_none" {
  command = plan

  variables {
    settings = {
      cidr    = "10.0.0.0/20"
      zones   = { eu-central-1a = 0, eu-central-1b = 1, eu-central-1c = 2 }
      extract = { internet = { cidr = "0.0.0.0/0" } }
    }
  }

  expect_failures = [var.settings]
}

run "refuses_a_gateway_that_serves_nobody" {
  command = plan

  variables {
    settings = {
      cidr  = "10.0.0.0/20"
      zones = { eu-central-1a = 0, eu-central-1b = 1, eu-central-1c = 2 }
      nat   = true
    }
  }

  expect_failures = [var.settings]
}

run "refuses_a_zone_in_the_gateways_range" {
  command = plan

  variables {
    settings = {
      cidr    = "10.0.0.0/22"
      zones   = { eu-central-1a = 0, eu-central-1b = 1, eu-central-1c = 3 }
      extract = { internet = { cidr = "0.0.0.0/0" } }
      nat     = true
    }
  }

  expect_failures = [var.settings]
}

run "refuses_a_range_for_a_vpc_that_exists" {
  command = plan

  variables {
    settings = {
      cidr = "10.0.0.0/20"
      existing = {
        vpc_id          = "vpc-corporate"
        subnet_ids      = { eu-central-1a = "subnet-a", eu-central-1b = "subnet-b", eu-central-1c = "subnet-c" }
        route_table_ids = ["rtb-a"]
      }
    }
  }

  expect_failures = [var.settings]
}

run "refuses_a_vpc_that_leads_nowhere" {
  command = plan

  variables {
    settings = {
      existing = {
        vpc_id     = "vpc-corporate"
        subnet_ids = { eu-central-1a = "subnet-a", eu-central-1b = "subnet-b", eu-central-1c = "subnet-c" }
      }
    }
  }

  expect_failures = [var.settings]
}

run "refuses_an_extract_that_reaches_nothing" {
  command = plan

  variables {
    settings = {
      cidr    = "10.0.0.0/20"
      zones   = { eu-central-1a = 0, eu-central-1b = 1, eu-central-1c = 2 }
      extract = {}
    }
  }

  expect_failures = [var.settings]
}
