variable "name" {
  description = "What the names of alarms begin with, and the dashboard's name."
  type        = string
}

variable "account" {
  description = "Partition, region and id of the account; what ARNs are made of."
  type = object({
    partition = string
    region    = string
    id        = string
  })
}

variable "metrics_namespace" {
  description = "Namespace of the metrics that the functions send."
  type        = string
}

variable "failures_topic_arn" {
  description = "SNS topic that alarms are told to."
  type        = string
}

variable "alarms" {
  description = <<-EOT
    notify: who is told of failures and alarms: mailto:… (AWS asks the address to confirm), https://…, or the ARN of a
    queue or of a function. runbooks: address of docs/operations.md, which each alarm's description leads to. lag_hours:
    how far a scheduled source may be behind, and how long it may say nothing; lag_hours_of: where that differs, by
    source. rejected_percent: how many of an hour's records may be rejected. daily_usd: what functions and warehouse
    may cost in a day. A limit that is null has no alarm.
  EOT
  type = object({
    notify           = list(string)
    runbooks         = optional(string, "docs/operations.md")
    lag_hours        = number
    lag_hours_of     = optional(map(number), {})
    rejected_percent = number
    daily_usd        = number
  })

  validation {
    condition = alltrue([
      for to in var.alarms.notify : can(regex("^(mailto:[^@ ]+@[^@ ]+|https://[^ ]+|arn:[^:]+:(sqs|lambda):[^ ]+)$", to))
    ])
    error_message = "alarms.notify must hold mailto:<address>, https://<url>, or the ARN of a queue or a function."
  }

  validation {
    condition = alltrue([
      for hours in concat(values(var.alarms.lag_hours_of), var.alarms.lag_hours[*]) :
      hours >= 1 && hours <= 168 && floor(hours) == hours
    ])
    error_message = "alarms.lag_hours must be whole hours from 1 to 168: CloudWatch looks back seven days at the most."
  }

  validation {
    condition = alltrue([
      for percent in var.alarms.rejected_percent[*] : percent >= 0 && percent < 100
    ])
    error_message = "alarms.rejected_percent must be 0 or more and under 100."
  }

  validation {
    condition     = alltrue([for usd in var.alarms.daily_usd[*] : usd > 0])
    error_message = "alarms.daily_usd must be more than 0, or null for no alarm."
  }
}

variable "state_machine_name" {
  description = "Name of the state machine."
  type        = string
}

variable "functions" {
  description = "Functions by step: name, memory in MB, and log group."
  type = map(object({
    name      = string
    memory_mb = number
    log_group = string
  }))
}

variable "sources" {
  description = "Sources, and whether each runs by a schedule that is on."
  type        = map(object({ scheduled = bool }))

  validation {
    condition     = length(setsubtract(keys(var.alarms.lag_hours_of), keys(var.sources))) == 0
    error_message = "alarms.lag_hours_of names no source of this environment: ${join(", ", setsubtract(keys(var.alarms.lag_hours_of), keys(var.sources)))}."
  }
}

variable "schedule_group" {
  description = "Name of the group of schedules."
  type        = string
}

variable "queues" {
  description = "Queues of what could not be delivered: what for => name."
  type        = map(string)
}

variable "warehouse" {
  description = "Name of the workgroup, its usage limit in RPU hours a day (null: none), and whether snapshots are taken by schedule."
  type = object({
    workgroup             = string
    usage_limit_rpu_hours = number
    snapshots             = optional(bool, false)
  })
}

variable "prices" {
  description = "USD of a function's GB second and of an RPU hour, for estimates."
  type = object({
    lambda_gb_second  = number
    redshift_rpu_hour = number
  })
}
