variable "name" {
  description = "Name of the namespace and of the workgroup."
  type        = string

  validation {
    condition     = can(regex("^[a-z0-9-]{3,64}$", var.name))
    error_message = "A Redshift Serverless name has 3 to 64 lower-case letters, digits and hyphens: change the environment's name."
  }
}

variable "copy_role_arn" {
  description = "Role that COPY reads the landing bucket with; the namespace's default role."
  type        = string
}

variable "subnet_ids" {
  description = "Subnets of the workgroup, in three zones."
  type        = list(string)

  validation {
    condition     = length(var.subnet_ids) >= 3
    error_message = "Redshift Serverless needs subnets in three zones: give three."
  }
}

variable "security_group_ids" {
  description = "Security groups of the workgroup."
  type        = list(string)
}

variable "settings" {
  description = <<-EOT
    database: the database that is created. port: where it listens. base_capacity, max_capacity: RPU at rest and at
    most. usage_limit_rpu_hours: compute a day after which the workgroup is switched off until the next day.
  EOT
  type = object({
    database              = optional(string, "warehouse")
    port                  = optional(number, 5439)
    base_capacity         = number
    max_capacity          = number
    usage_limit_rpu_hours = number
  })

  validation {
    condition = (
      (var.settings.port >= 5431 && var.settings.port <= 5455) ||
      (var.settings.port >= 8191 && var.settings.port <= 8215)
    )
    error_message = "warehouse.port must be in 5431-5455 or 8191-8215: Redshift Serverless listens nowhere else."
  }

  validation {
    condition = var.settings.base_capacity == 4 || (
      var.settings.base_capacity >= 8 && var.settings.base_capacity <= 512 && var.settings.base_capacity % 8 == 0
    )
    error_message = "warehouse.base_capacity must be 4 (not in every region) or a multiple of 8 up to 512 RPU."
  }

  validation {
    condition     = var.settings.max_capacity == var.settings.base_capacity || var.settings.max_capacity % 8 == 0
    error_message = "warehouse.max_capacity must be a multiple of 8 RPU, or what warehouse.base_capacity is."
  }

  validation {
    condition     = var.settings.max_capacity >= var.settings.base_capacity
    error_message = "warehouse.max_capacity must be at least warehouse.base_capacity."
  }

  validation {
    condition     = var.settings.usage_limit_rpu_hours >= 1
    error_message = "warehouse.usage_limit_rpu_hours must be 1 or more: it bounds the bill."
  }
}
