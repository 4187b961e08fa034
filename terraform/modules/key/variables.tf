variable "name" {
  description = "Name of the environment's things; the key's alias is `alias/<name>`."
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

variable "log_groups" {
  description = "Names of the log groups that CloudWatch Logs may encrypt with the key; each may end in `*`."
  type        = list(string)

  validation {
    condition     = length(var.log_groups) > 0 && alltrue([for group in var.log_groups : startswith(group, "/")])
    error_message = "log_groups must name the groups that are encrypted, such as /aws/lambda/xmlift-dev-*: CloudWatch Logs refuses a group whose key does not admit it."
  }
}

variable "deletion_window_days" {
  description = "Days between a destroy and the end of the key, in which it can be called back; without it all that it encrypted is lost."
  type        = number

  validation {
    condition     = var.deletion_window_days >= 7 && var.deletion_window_days <= 30
    error_message = "deletion_window_days must be between 7 and 30: KMS offers nothing else."
  }
}
