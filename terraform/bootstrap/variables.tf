variable "environment" {
  description = "Name of the environment whose account this is; the roles may touch what is named `xmlift-<environment>`."
  type        = string

  validation {
    condition     = can(regex("^[a-z][a-z0-9-]{0,14}[a-z0-9]$", var.environment))
    error_message = "environment must be 2 to 16 lower-case letters, digits and hyphens, begin with a letter and not end in a hyphen, as in terraform/environments/<environment>."
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
