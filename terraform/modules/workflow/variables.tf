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

variable "key_arn" {
  description = "Key that logs, executions, schedules and failures are encrypted with."
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
  description = "What each state calls, by step: ARN of the function's alias, and the seconds that a call of it may take."
  type = object({
    plan    = object({ alias_arn = string, timeout_seconds = number })
    extract = object({ alias_arn = string, timeout_seconds = number })
    load    = object({ alias_arn = string, timeout_seconds = number })
    report  = object({ alias_arn = string, timeout_seconds = number })
  })
}

variable "flow" {
  description = <<-EOT
    extract_tolerated_failure_percentage: how many of a round's windows may fail before the others are stopped.
    load_concurrency: streams that are loaded at the same time. How many windows are read at the same time, plan says,
    for each round.
    retry: how often a call is repeated that Lambda, SNS or EventBridge failed, and how long is waited before: at first,
    how many times longer before each further one, at most; what our own code refuses is not repeated.
    timeouts: hours that an execution may take before it is ended, and seconds that a hook may; a step's own is that of
    its function. hooks: ARNs of functions, or of their versions or aliases, that are called before the windows of each
    round are read, and once everything is loaded. Null: none.
    event_bus: name of the bus of this account that completed runs are announced on.
  EOT
  type = object({
    extract_tolerated_failure_percentage = number
    load_concurrency                     = number
    retry = optional(object({
      attempts             = optional(number, 4)
      first_wait_seconds   = optional(number, 2)
      backoff              = optional(number, 2.5)
      longest_wait_seconds = optional(number, 60)
    }), {})
    timeouts = optional(object({
      run_hours    = optional(number, 24)
      hook_seconds = optional(number, 960)
    }), {})
    hooks = optional(object({
      before_extract = optional(string)
      after_load     = optional(string)
    }), {})
    event_bus = optional(string, "default")
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
    condition     = var.flow.retry.attempts >= 0 && var.flow.retry.attempts <= 10
    error_message = "flow.retry.attempts must be between 0 and 10: more would hide an outage for hours."
  }

  validation {
    condition = (
      var.flow.retry.first_wait_seconds >= 1 && var.flow.retry.longest_wait_seconds > var.flow.retry.first_wait_seconds &&
      var.flow.retry.longest_wait_seconds <= 900 && var.flow.retry.backoff >= 1
    )
    error_message = "flow.retry must wait at least 1 second at first, longer at most than at first and no longer than 900 seconds, and backoff must be at least 1: Step Functions refuses anything else."
  }

  validation {
    condition     = var.flow.timeouts.run_hours >= 1 && var.flow.timeouts.run_hours <= 8760
    error_message = "flow.timeouts.run_hours must be between 1 and 8760: after a year Step Functions ends every execution."
  }

  validation {
    condition     = var.flow.timeouts.hook_seconds >= 1 && var.flow.timeouts.hook_seconds <= 960
    error_message = "flow.timeouts.hook_seconds must be between 1 and 960: Lambda ends every call after 900 seconds."
  }

  validation {
    condition = alltrue([
      for arn in values(var.flow.hooks) :
      arn == null ? true : can(regex("^arn:[a-z-]+:lambda:[a-z0-9-]+:[0-9]{12}:function:[A-Za-z0-9_-]{1,64}(:[A-Za-z0-9_-]{1,128})?$", arn))
    ])
    error_message = "flow.hooks must be ARNs of Lambda functions, of their versions or aliases, such as arn:aws:lambda:eu-central-1:111122223333:function:open-the-door:live, or null."
  }

  validation {
    condition     = can(regex("^[A-Za-z0-9._-]{1,256}$", var.flow.event_bus))
    error_message = "flow.event_bus must be the name of an event bus, not its ARN: default is the account's own."
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
