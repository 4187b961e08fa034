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

variable "log_bucket" {
  description = "Name of the bucket that flow logs are written to."
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

    existing: a VPC that is there already, instead of one of its own, which then has no cidr and no zones. subnet_ids: zone =>
    private subnet. route_table_ids: those of the subnets, for S3's gateway endpoint. endpoints: null makes the endpoints here;
    where the VPC has them all, S3's included, the security group of its interface endpoints, which is then opened to the functions.

    extract: where extract runs. Null: outside every VPC, whence it reaches the internet. Else inside, and may reach what is named:
    name => address range and port. nat: whether a NAT gateway leads from the VPC to the internet; it is billed by the hour.

    flow_logs: whether accepted and refused connections are written down, under flow-logs/ in the bucket of the access logs.
  EOT
  type = object({
    cidr                     = optional(string)
    zones                    = optional(map(number), {})
    interface_endpoint_zones = optional(number, 1)
    existing = optional(object({
      vpc_id          = string
      subnet_ids      = map(string)
      route_table_ids = optional(set(string), [])
      endpoints       = optional(object({ security_group_id = string }))
    }))
    extract   = optional(map(object({ cidr = string, port = optional(number, 443) })))
    nat       = optional(bool, false)
    flow_logs = optional(bool, false)
  })

  validation {
    condition = var.settings.existing != null ? true : (
      can(cidrhost(var.settings.cidr, 0)) && can(regex("/(1[6-9]|2[0-2])$", var.settings.cidr))
    )
    error_message = "network.cidr must be an IPv4 range from /16 to /22, such as 10.42.0.0/20: the subnets are /24 each."
  }

  validation {
    condition     = length(var.settings.existing == null ? var.settings.zones : var.settings.existing.subnet_ids) == 3
    error_message = "Redshift Serverless needs subnets in three availability zones: name three in network.zones, or in network.existing.subnet_ids."
  }

  validation {
    condition = var.settings.existing == null ? true : (
      var.settings.cidr == null && length(var.settings.zones) == 0 && !var.settings.nat && !var.settings.flow_logs
    )
    error_message = "network.existing stands instead of cidr, zones, nat and flow_logs: a VPC that is there already, its ways out and its logs are its owner's. Take them away, or existing."
  }

  validation {
    condition = var.settings.existing == null ? true : (
      var.settings.existing.endpoints != null || length(var.settings.existing.route_table_ids) > 0
    )
    error_message = "network.existing needs either the route tables of its subnets (route_table_ids), where S3's endpoint is made, or the endpoints that it has (endpoints)."
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

  validation {
    condition = alltrue([
      for reached in values(coalesce(var.settings.extract, {})) :
      can(cidrhost(reached.cidr, 0)) && reached.port >= 1 && reached.port <= 65535
    ])
    error_message = "network.extract names address ranges and ports, such as { elm = { cidr = \"10.20.0.0/16\", port = 9443 } }."
  }

  validation {
    condition     = var.settings.extract == null ? true : length(var.settings.extract) > 0
    error_message = "network.extract runs extract inside and lets it reach nothing: name what it reads, or set it to null."
  }

  validation {
    condition = var.settings.extract == null || var.settings.existing != null ? true : (
      var.settings.nat || !strcontains(jsonencode(var.settings.extract), "\"0.0.0.0/0\"")
    )
    error_message = "network.extract reaches the internet (0.0.0.0/0) from a VPC that no way leads out of: set network.nat = true, or let extract run outside (extract = null)."
  }

  validation {
    condition     = !var.settings.nat || var.settings.extract != null
    error_message = "network.nat would serve nobody: only extract leaves the VPC, and it runs outside. Set network.extract, or nat = false."
  }

  validation {
    condition = !var.settings.nat ? true : !contains(
      values(var.settings.zones), try(pow(2, 24 - tonumber(split("/", var.settings.cidr)[1])) - 1, -1)
    )
    error_message = "With network.nat the last /24 of network.cidr is the NAT gateway's: give the zone in network.zones another number."
  }
}
