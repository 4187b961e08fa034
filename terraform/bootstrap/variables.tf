variable "environment" {
  description = "Name of the environment whose account this is; the roles may touch what is named `xmlift-<environment>`."
  type        = string

  validation {
    condition     = can(regex("^[a-z][a-z0-9-]{0,14}[a-z0-9]$", var.environment))
    error_message = "environment must be 2 to 16 lower-case letters, digits and hyphens, begin with a letter and not end in a hyphen, as in terraform/environments/<environment>."
  }

  validation {
    condition     = !contains(["artifacts", "deploy", "terraform"], var.environment)
    error_message = "environment must not be artifacts, deploy or terraform: what is named so here outlives every environment."
  }
}

variable "account_id" {
  description = "Id of the account. With credentials of any other one nothing is planned."
  type        = string

  validation {
    condition     = can(regex("^[0-9]{12}$", var.account_id))
    error_message = "account_id must be twelve digits: `aws sts get-caller-identity` says it."
  }
}

variable "region" {
  description = "Region of the environment and of its state."
  type        = string

  validation {
    condition     = can(regex("^[a-z]{2}(-[a-z]+)+-[0-9]$", var.region))
    error_message = "region must be one of AWS's, such as eu-central-1."
  }
}

variable "repository" {
  description = "The GitHub repository whose workflows plan and apply, as owner/name."
  type        = string

  validation {
    condition     = can(regex("^[A-Za-z0-9][A-Za-z0-9-]*/[A-Za-z0-9._-]+$", var.repository))
    error_message = "repository must be owner/name without wildcards: whoever it matches may take the roles on."
  }
}

variable "branch" {
  description = "The branch that is deployed; what is merged to it may be planned, besides pull requests."
  type        = string
  default     = "main"

  validation {
    condition     = can(regex("^[A-Za-z0-9._/-]+$", var.branch))
    error_message = "branch must be a plain name without wildcards: whatever it matches may be planned."
  }
}

variable "create_oidc_provider" {
  description = "Whether to make GitHub's identity provider here. An account has at most one: false where it is there already."
  type        = bool
  default     = true
}

variable "protect" {
  description = "Whether those who deploy may not delete what holds data: warehouse, snapshots, landing bucket, key. False where the environment's own `protect` is."
  type        = bool
  default     = true
}

variable "artifacts" {
  description = <<-EOT
    Where packages are kept, for all environments alike: this is in artifacts.auto.tfvars.json. account_id, region: the
    account whose bootstrap makes the bucket. readers: accounts of the other environments.
  EOT
  type = object({
    account_id = string
    region     = string
    readers    = optional(list(string), [])
  })

  validation {
    condition     = alltrue([for id in concat([var.artifacts.account_id], var.artifacts.readers) : can(regex("^[0-9]{12}$", id))])
    error_message = "artifacts.account_id and artifacts.readers must be account ids of twelve digits."
  }

  validation {
    condition     = contains(concat([var.artifacts.account_id], var.artifacts.readers), var.account_id)
    error_message = "The account is neither artifacts.account_id nor one of artifacts.readers: its environment could not fetch a package. Add it to artifacts.auto.tfvars.json, and apply the bootstrap of artifacts.account_id again."
  }
}
