variable "name" {
  description = "Name that the VPC carries and the names of its parts begin with."
  type        = string
}

variable "account" {
  description = "Partition, region and id of the account; what ARNs and service names are made of."
  type = object({
    partition = string
    region    = string
    id        = string
  })
}

variable "landing_bucket" {
  description = "Name of the only bucket that can be reached from inside the VPC."
  type        = string
}

variable "warehouse_port" {
  description = "Port that the functions reach the warehouse on."
  type        = number
}

variable "settings" {
  description = <<-EOT
    cidr: address range of the VPC, a /16 to /22. zones: its three availability zones, as Redshift Serverless demands:
    zone => number of its /24 in the range, from 0; a number that was given stays with its zone.
    interface_endpoint_zones: how many of the zones have a network interface of each interface endpoint; every one
    is billed by the hour, and one serves the functions of all zones.
  EOT
  type = object({
    cidr                     = string
    zones                    = map(number)
    interface_endpoint_zones = optional(number, 1)
  })

  validation {
    condition     = can(cidrhost(var.settings.cidr, 0)) && can(regex("/(1[6-9]|2[0-2])$", var.settings.cidr))
    error_message = "network.cidr must be an IPv4 range from /16 to /22, such as 10.42.0.0/20: the subnets are /24 each."
  }

  validation {
    condition     = length(var.settings.zones) == 3
    error_message = "network.zones must name three availability zones: Redshift Serverless needs subnets in three."
  }

  validation {
    condition     = length(distinct(values(var.settings.zones))) == length(var.settings.zones)
    error_message = "network.zones gives two zones the same number: each has a /24 of its own."
  }

  validation {
    condition = alltrue([
      for number in values(var.settings.zones) :
      can(cidrsubnet(var.settings.cidr, 24 - tonumber(split("/", var.settings.cidr)[1]), number))
    ])
    error_message = "network.zones has a number whose /24 is not in network.cidr: a /20 has 0 to 15, a /22 has 0 to 3."
  }

  validation {
    condition     = contains([1, 2, 3], var.settings.interface_endpoint_zones)
    error_message = "network.interface_endpoint_zones must be 1, 2 or 3: it counts zones of network.zones."
  }
}
