variable "name" {
  description = "Name of the namespace and of the workgroup."
  type        = string

  validation {
    condition     = can(regex("^[a-z0-9-]{3,64}$", var.name))
    error_message = "A Redshift Serverless name has 3 to 64 lower-case letters, digits and hyphens: change the environment's name."
  }
}

variable "partition" {
  description = "Partition of AWS that the account is in, such as aws."
  type        = string
}

variable "copy_role_arn" {
  description = "Role that COPY reads the landing bucket with; the namespace's default role."
  type        = string
}

variable "key_arn" {
  description = "Key that the warehouse, its snapshots and its administrator's password are encrypted with."
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

variable "snapshot_role_arn" {
  description = "Role that takes the scheduled snapshots. Null where none are taken."
  type        = string
  default     = null

  validation {
    condition     = var.settings.snapshots == null || var.snapshot_role_arn != null
    error_message = "Snapshots are taken with a role of their own: give snapshot_role_arn."
  }
}

variable "schedule_group" {
  description = "Name of the schedule group that the snapshots' schedule is in. Null where none are taken."
  type        = string
  default     = null
}

variable "log_retention_days" {
  description = "Days that the warehouse's audit logs are kept."
  type        = number
}

variable "settings" {
  description = <<-EOT
    database: the database that is created. port: where it listens. base_capacity, max_capacity: RPU at rest and at
    most. usage_limit_rpu_hours: compute a day after which usage_limit_action happens: deactivate switches the workgroup
    off until the next day, emit-metric and log only tell; null: no limit. snapshots: when one is taken (an expression of
    EventBridge Scheduler, UTC) and for how many days it is kept; null: none but Redshift's own recovery points, one every
    half an hour, which last 24 hours and end with the namespace. audit_logs: what is told to CloudWatch of connectionlog,
    userlog and useractivitylog; the last has the text of every statement, and in it the links where a reading goes on.
  EOT
  type = object({
    database              = optional(string, "warehouse")
    port                  = optional(number, 5439)
    base_capacity         = number
    max_capacity          = number
    usage_limit_rpu_hours = optional(number)
    usage_limit_action    = optional(string, "deactivate")
    snapshots             = optional(object({ schedule = string, retention_days = number }))
    audit_logs            = optional(set(string), ["connectionlog", "userlog"])
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
      var.settings.base_capacity >= 8 && var.settings.base_capacity <= 1024 &&
      var.settings.base_capacity % (var.settings.base_capacity > 512 ? 32 : 8) == 0
    )
    error_message = "warehouse.base_capacity must be 4 (not in every region), a multiple of 8 up to 512 RPU, or one of 32 up to 1024."
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
    condition     = var.settings.usage_limit_rpu_hours == null ? true : var.settings.usage_limit_rpu_hours >= 1
    error_message = "warehouse.usage_limit_rpu_hours must be 1 or more, or null for no limit: then max_capacity alone bounds the bill."
  }

  validation {
    condition     = contains(["deactivate", "emit-metric", "log"], var.settings.usage_limit_action)
    error_message = "warehouse.usage_limit_action must be deactivate, emit-metric or log."
  }

  validation {
    condition     = var.settings.snapshots == null ? true : can(regex("^(cron|rate)\\(.+\\)$", var.settings.snapshots.schedule))
    error_message = "warehouse.snapshots.schedule must be cron(…) or rate(…), such as cron(0 3 * * ? *)."
  }

  validation {
    condition = var.settings.snapshots == null ? true : (
      var.settings.snapshots.retention_days >= 1 && var.settings.snapshots.retention_days <= 3653
    )
    error_message = "warehouse.snapshots.retention_days must be between 1 and 3653, as Redshift keeps them."
  }

  validation {
    condition     = length(setsubtract(var.settings.audit_logs, ["connectionlog", "userlog", "useractivitylog"])) == 0
    error_message = "warehouse.audit_logs may hold connectionlog, userlog and useractivitylog."
  }
}
