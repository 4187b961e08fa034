mock_provider "aws" {
  override_during = plan
}

variables {
  name           = "xmlift-test"
  account        = { partition = "aws", region = "eu-central-1", id = "111122223333" }
  landing_bucket = "xmlift-test-landing-111122223333"
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
