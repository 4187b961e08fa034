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
    Address range (a /16 to /22) and availability zones of the VPC, three or more as Redshift Serverless demands.
    interface_endpoint_zones: how many of the zones have a network interface of each interface endpoint; every one
    is billed by the hour, and one serves the functions of all zones.
  EOT
  type = object({
    cidr                     = string
    zones                    = list(string)
    interface_endpoint_zones = optional(number, 1)
  })

  validation {
    condition     = can(cidrhost(var.settings.cidr, 0)) && can(regex("/(1[6-9]|2[0-2])$", var.settings.cidr))
    error_message = "network.cidr must be an IPv4 range from /16 to /22, such as 10.42.0.0/20: the subnets are /24 each."
  }

  validation {
    condition     = length(distinct(var.settings.zones)) == 3
    error_message = "network.zones must name three different availability zones: Redshift Serverless needs subnets in three."
  }

  validation {
    condition     = contains([1, 2, 3], var.settings.interface_endpoint_zones)
    error_message = "network.interface_endpoint_zones must be 1, 2 or 3: it counts zones of network.zones."
  }
}
