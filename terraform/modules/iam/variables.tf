variable "name" {
  description = "What the names of the roles begin with: the role of a step is `<name>-<step>`."
  type        = string

  validation {
    condition     = length(var.name) <= 64 - length("-pipeline")
    error_message = "A role's name has at most 64 characters: shorten the environment's name."
  }
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
  description = "Functions by step: ARN, log group, and whether the function runs inside the VPC."
  type = map(object({
    arn       = string
    log_group = string
    in_vpc    = bool
  }))

  validation {
    condition     = toset(keys(var.functions)) == toset(["plan", "extract", "load", "report", "migrate"])
    error_message = "functions must hold plan, extract, load, report and migrate: statements.tf has a role for each."
  }
}

variable "state_machine" {
  description = "Name of the state machine, the alias of it that schedules start, and the label of its distributed Map."
  type = object({
    name      = string
    alias     = string
    map_label = string
  })
}

variable "schedule_group" {
  description = "Name of the schedule group."
  type        = string
}

variable "failures_topic" {
  description = "Name of the SNS topic that failures are told to."
  type        = string
}

variable "landing_bucket" {
  description = "Name of the landing bucket."
  type        = string
}

variable "source_secrets" {
  description = "Names of the secrets that sources log in with."
  type        = set(string)
}

variable "event_bus" {
  description = "Name of the bus that the state machine announces completed runs on."
  type        = string
}

variable "hooks" {
  description = "ARNs of the environment's own functions that the state machine calls, as it calls them."
  type        = list(string)
}

variable "key_arn" {
  description = "Key that all that roles read and write is encrypted with."
  type        = string
}

variable "admin_secret_arn" {
  description = "Secret that Redshift keeps the administrator's password in."
  type        = string
}

variable "workgroup_arn" {
  description = "ARN of the Redshift Serverless workgroup."
  type        = string
}

variable "namespace_arn" {
  description = "ARN of the Redshift Serverless namespace."
  type        = string
}

variable "takes_snapshots" {
  description = "Whether snapshots of the namespace are taken by schedule, which has a role of its own."
  type        = bool
  default     = false
}

variable "tracing" {
  description = "Whether the functions and the state machine write to X-Ray."
  type        = bool
}

variable "permissions_boundary_arn" {
  description = "Policy that bounds every role, as terraform/bootstrap makes it. Null: none, for who deploys without such a bound."
  type        = string
  default     = null
}
