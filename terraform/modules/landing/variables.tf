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

variable "partition" {
  description = "AWS partition (aws, aws-cn, aws-us-gov) that the bucket policies name."
  type        = string
}

variable "catalogues" {
  description = "Catalogue file of each source: source name => path on this machine."
  type        = map(string)
}

variable "retention_days" {
  description = "Days that extracted windows, work lists and reports are kept. Null keeps them for ever."
  type        = number
  default     = null

  validation {
    condition     = var.retention_days == null ? true : var.retention_days >= 15
    error_message = "Keep landed windows for 15 days or more: an execution can be redriven for 14 days and needs them."
  }
}

variable "raw_days" {
  description = "Days that answers are kept as they came: `source/stream` => days."
  type        = map(number)
  default     = {}

  validation {
    condition = var.retention_days == null ? true : alltrue([
      for days in values(var.raw_days) : days <= var.retention_days
    ])
    error_message = "Kept answers are found by their windows' commits, so keep_raw may not be longer than landing_retention_days (${coalesce(var.retention_days, 0)}). Raise that, or shorten keep_raw of: ${join(", ", [
      for stream, days in var.raw_days : "${stream} (${days}d)" if days > coalesce(var.retention_days, days)
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
