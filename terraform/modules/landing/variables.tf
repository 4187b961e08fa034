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
  description = "Days that extracted windows, work lists and reports are kept. Null keeps them, and all else, for ever."
  type        = number
  default     = null

  validation {
    condition     = var.retention_days == null ? true : var.retention_days >= 15
    error_message = "Keep landed windows for 15 days or more: an execution can be redriven for 14 days and needs them."
  }
}

variable "force_destroy" {
  description = "Whether destroying the environment also deletes what the buckets hold."
  type        = bool
  default     = false
}
