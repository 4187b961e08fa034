variable "landing_bucket" {
  description = "Name of the bucket that holds catalogues, extracted windows, work lists and reports."
  type        = string

  validation {
    condition     = length(var.landing_bucket) <= 63
    error_message = "A bucket name has at most 63 characters: shorten the environment's name."
  }
}

variable "artifact_bucket" {
  description = "Name of the bucket that holds the packages of the functions."
  type        = string

  validation {
    condition     = length(var.artifact_bucket) <= 63
    error_message = "A bucket name has at most 63 characters: shorten the environment's name."
  }
}

variable "log_bucket" {
  description = "Name of the bucket that holds who read and wrote what in the two others."
  type        = string

  validation {
    condition     = length(var.log_bucket) <= 63
    error_message = "A bucket name has at most 63 characters: shorten the environment's name."
  }
}

variable "flow_logs" {
  description = "Whether the VPC's flow logs are delivered to the bucket of the access logs."
  type        = bool
  default     = false
}

variable "account" {
  description = "Partition, region and id of the account; what ARNs are made of, and whose principals alone are served."
  type = object({
    partition = string
    region    = string
    id        = string
  })
}

variable "key_arn" {
  description = "Key that objects are encrypted with."
  type        = string
}

variable "catalogues" {
  description = "Catalogue file of each source: source name => path on this machine."
  type        = map(string)
}

variable "retention_days" {
  description = <<-EOT
    Days that objects are kept, by prefix; null keeps them for ever. landing: extracted windows and their rejected rows,
    how far back a replay reaches. load: what one COPY read. runs: work lists and reports. inbox: dropped files.
    access_logs: who read and wrote what, in a bucket of its own.
  EOT
  type = object({
    landing     = number
    load        = number
    runs        = number
    inbox       = number
    access_logs = number
  })

  validation {
    condition = alltrue([
      for prefix in ["landing", "load", "runs", "inbox"] :
      var.retention_days[prefix] == null ? true : var.retention_days[prefix] >= 15
    ])
    error_message = "Keep landing, load, runs and inbox for 15 days or more: an execution can be redriven for 14 days and needs them."
  }

  validation {
    condition     = var.retention_days.access_logs == null ? true : var.retention_days.access_logs >= 1
    error_message = "retention_days.access_logs must be 1 or more, or null."
  }
}

variable "raw_days" {
  description = "Days that answers are kept as they came: `source/stream` => days."
  type        = map(number)
  default     = {}

  validation {
    condition = var.retention_days.landing == null ? true : alltrue([
      for days in values(var.raw_days) : days <= var.retention_days.landing
    ])
    error_message = "Kept answers are found by their windows' commits, so keep_raw may not be longer than retention_days.landing (${coalesce(var.retention_days.landing, 0)}). Raise that, or shorten keep_raw of: ${join(", ", [
      for stream, days in var.raw_days : "${stream} (${days}d)" if days > coalesce(var.retention_days.landing, days)
    ])}."
  }
}

variable "notify" {
  description = "Whether EventBridge is told of the landing bucket's objects."
  type        = bool
  default     = false
}

variable "force_destroy" {
  description = "Whether destroying the environment also deletes what the buckets hold."
  type        = bool
  default     = false
}
