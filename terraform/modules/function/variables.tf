variable "name" {
  description = "Name of the function."
  type        = string

  validation {
    condition     = length(var.name) <= 64
    error_message = "A function's name has at most 64 characters: shorten the environment's name."
  }
}

variable "arn" {
  description = "ARN that the function will have."
  type        = string
}

variable "log_group" {
  description = "Name of the function's log group."
  type        = string
}

variable "log_retention_days" {
  description = "Days that the function's log is kept."
  type        = number
}

variable "role_arn" {
  description = "Role of the function."
  type        = string
}

variable "key_arn" {
  description = "Key that the log and the environment variables are encrypted with."
  type        = string
}

variable "package" {
  description = <<-EOT
    The function's zip as `make package` made it. path: the zip on this machine. bucket: where it is uploaded to.
    key: its name there, made from its content. source_code_hash: its SHA-256 in base64. architecture: x86_64 or arm64.
    python: the version that its compiled parts were built for.
  EOT
  type = object({
    path             = string
    bucket           = string
    key              = string
    source_code_hash = string
    architecture     = string
    python           = string
  })

  validation {
    condition     = contains(["x86_64", "arm64"], var.package.architecture)
    error_message = "package.architecture must be x86_64 or arm64: run `make package` again, it writes manifest.json."
  }
}

variable "environment_variables" {
  description = "Environment variables of the function."
  type        = map(string)

  validation {
    # AWS_LAMBDA_EXEC_WRAPPER and AWS_*_ENDPOINT_URL may be set, the names that Lambda itself sets may not.
    condition = length(setintersection(keys(var.environment_variables), [
      "_HANDLER", "_X_AMZN_TRACE_ID", "AWS_ACCESS_KEY", "AWS_ACCESS_KEY_ID", "AWS_DEFAULT_REGION", "AWS_EXECUTION_ENV",
      "AWS_LAMBDA_FUNCTION_MEMORY_SIZE", "AWS_LAMBDA_FUNCTION_NAME", "AWS_LAMBDA_FUNCTION_VERSION",
      "AWS_LAMBDA_INITIALIZATION_TYPE", "AWS_LAMBDA_LOG_GROUP_NAME", "AWS_LAMBDA_LOG_STREAM_NAME",
      "AWS_LAMBDA_RUNTIME_API", "AWS_REGION", "AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN",
      "LAMBDA_RUNTIME_DIR", "LAMBDA_TASK_ROOT",
    ])) == 0
    error_message = "Lambda sets this environment variable itself and refuses a function that sets it: use another name."
  }
}

variable "limits" {
  description = "Memory in MB and time-out in seconds of one invocation."
  type = object({
    memory_mb       = number
    timeout_seconds = number
  })

  validation {
    condition     = var.limits.memory_mb >= 128 && var.limits.memory_mb <= 10240
    error_message = "memory_mb must be between 128 and 10240."
  }

  validation {
    condition     = var.limits.timeout_seconds >= 1 && var.limits.timeout_seconds <= 900
    error_message = "timeout_seconds must be between 1 and 900, Lambda's longest."
  }
}

variable "tracing" {
  description = "X-Ray tracing: Active or PassThrough."
  type        = string

  validation {
    condition     = contains(["Active", "PassThrough"], var.tracing)
    error_message = "tracing must be Active or PassThrough."
  }
}

variable "network" {
  description = "Subnets and security groups that the function runs in. Null runs it outside every VPC."
  type = object({
    subnet_ids         = list(string)
    security_group_ids = list(string)
  })
  default = null
}
