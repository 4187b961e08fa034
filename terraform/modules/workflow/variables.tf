variable "name" {
  description = "Name of the state machine."
  type        = string

  validation {
    condition     = length(var.name) <= 80
    error_message = "A state machine's name has at most 80 characters: shorten the environment's name."
  }
}

variable "alias" {
  description = "Name of the alias that schedules and operators start."
  type        = string
}

variable "map_label" {
  description = "Label of the distributed Map: what the ARNs of its children hold, and permissions name."
  type        = string

  validation {
    condition     = can(regex("^[A-Za-z0-9_-]{1,40}$", var.map_label))
    error_message = "A Map's label has 1 to 40 letters, digits, hyphens and underscores."
  }
}

variable "role_arn" {
  description = "Role of the state machine."
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

variable "functions" {
  description = "ARN of the alias that each state calls: step => ARN."
  type = object({
    plan    = string
    extract = string
    load    = string
    report  = string
  })
}

variable "flow" {
  description = <<-EOT
    extract_tolerated_failure_percentage: how many of a round's windows may fail before the others are stopped.
    load_concurrency: streams that are loaded at the same time. retry_attempts: how often a call is repeated that
    Lambda itself failed. How many windows are read at the same time, plan says, for each round.
  EOT
  type = object({
    extract_tolerated_failure_percentage = number
    load_concurrency                     = number
    retry_attempts                       = optional(number, 4)
  })

  validation {
    condition = (
      var.flow.extract_tolerated_failure_percentage >= 0 && var.flow.extract_tolerated_failure_percentage <= 100
    )
    error_message = "flow.extract_tolerated_failure_percentage must be between 0 and 100."
  }

  validation {
    condition     = var.flow.load_concurrency >= 1 && var.flow.load_concurrency <= 40
    error_message = "flow.load_concurrency must be between 1 and 40, the most that an inline Map runs at once."
  }

  validation {
    condition     = var.flow.retry_attempts >= 0 && var.flow.retry_attempts <= 10
    error_message = "flow.retry_attempts must be between 0 and 10: more would hide an outage for hours."
  }
}

variable "logging" {
  description = "Log level (OFF, ERROR, FATAL or ALL), whether inputs and outputs are logged, days kept, X-Ray on or off."
  type = object({
    level                  = string
    include_execution_data = bool
    retention_days         = number
    tracing                = bool
  })

  validation {
    condition     = contains(["OFF", "ERROR", "FATAL", "ALL"], var.logging.level)
    error_message = "The state machine's log level must be OFF, ERROR, FATAL or ALL."
  }
}

variable "failures_topic" {
  description = "Name of the SNS topic that failures are told to."
  type        = string
}

variable "schedule_group" {
  description = "Name of the schedule group."
  type        = string
}

variable "schedule_role_arn" {
  description = "Role that schedules start the state machine with."
  type        = string
}

variable "schedules" {
  description = "Schedule of each source: source => expression, whether it is on, and the execution's input as JSON."
  type = map(object({
    expression = string
    enabled    = bool
    input      = string
  }))

  validation {
    condition     = alltrue([for source, _ in var.schedules : length(source) <= 64])
    error_message = "A schedule's name has at most 64 characters: shorten the source's name."
  }

  validation {
    condition     = alltrue([for schedule in var.schedules : can(regex("^(rate|cron|at)\\(.+\\)$", schedule.expression))])
    error_message = "A source's schedule must be rate(…), cron(…) or at(…), such as `schedule: rate(1 hour)`: correct its YAML."
  }
}
