variable "environment" {
  description = "Name of the environment; everything it owns is named `xmlift-<environment>`."
  type        = string

  validation {
    condition     = can(regex("^[a-z][a-z0-9-]{0,14}[a-z0-9]$", var.environment))
    error_message = "environment must be 2 to 16 lower-case letters, digits and hyphens, begin with a letter and not end in a hyphen: bucket, role and database names are made from it."
  }
}

variable "sources" {
  description = <<-EOT
    Sources of this environment: name of a file in catalogue_folder => what differs here. base_url: the endpoint's
    address, instead of the file's. enabled: whether its schedule, if it has one, is on.
  EOT
  type = map(object({
    base_url = optional(string)
    enabled  = optional(bool, true)
  }))

  validation {
    condition     = length(var.sources) > 0
    error_message = "sources is empty: name at least one file of the catalogue folder, such as sources = { ewm = {} }."
  }

  validation {
    condition     = alltrue([for name, _ in var.sources : can(regex("^[a-z][a-z0-9_]{0,39}$", name))])
    error_message = "A source's name has up to 40 lower-case letters, digits and underscores and begins with a letter: schemas, keys and schedules are named by it. Rename the file and its `source:`."
  }

  validation {
    condition = alltrue([
      for name, _ in var.sources : fileexists("${var.catalogue_folder}/${name}.yaml")
    ])
    error_message = "These sources have no file in ${var.catalogue_folder}: ${join(", ", [
      for name, _ in var.sources : "${name}.yaml" if !fileexists("${var.catalogue_folder}/${name}.yaml")
    ])}. Write it, or correct the name in sources."
  }

  validation {
    condition = alltrue([
      for name, _ in var.sources :
      try(yamldecode(file("${var.catalogue_folder}/${name}.yaml")).source == name, false)
      if fileexists("${var.catalogue_folder}/${name}.yaml")
    ])
    error_message = "A catalogue file must say `source: <name>` with the name of the file, and be YAML: correct these in ${var.catalogue_folder}: ${join(", ", [
      for name, _ in var.sources : "${name}.yaml"
      if !try(yamldecode(file("${var.catalogue_folder}/${name}.yaml")).source == name, false)
    ])}."
  }

  validation {
    condition = alltrue([
      for source in var.sources : source.base_url == null ? true : can(regex("^https://[^/@]+(/[^@]*)?$", source.base_url))
    ])
    error_message = "A source's base_url must begin with https:// and hold no user name: credentials go into its secret."
  }
}

variable "catalogue_folder" {
  description = "Folder of the catalogue files."
  type        = string
}

variable "package_folder" {
  description = "Folder that `make package` wrote the functions' zips and manifest.json to."
  type        = string

  validation {
    condition     = fileexists("${var.package_folder}/manifest.json")
    error_message = "There is no manifest.json in ${var.package_folder}. Terraform never builds: run `make package` first."
  }

  validation {
    condition = !fileexists("${var.package_folder}/manifest.json") ? true : length(setsubtract(
      ["plan", "extract", "load", "report", "migrate"],
      try(keys(jsondecode(file("${var.package_folder}/manifest.json")).functions), []),
    )) == 0
    error_message = "manifest.json in ${var.package_folder} lacks a function (${join(", ", sort(setsubtract(
      ["plan", "extract", "load", "report", "migrate"],
      try(keys(jsondecode(file("${var.package_folder}/manifest.json")).functions), []),
    )))}): run `make package` again."
  }
}

variable "runs_on" {
  description = <<-EOT
    What the packages have to be built for: platform linux or macos, architecture x86_64 or arm64. Null takes whatever
    was packaged, for functions that run on the machine that packages them.
  EOT
  type = object({
    platform     = optional(string, "linux")
    architecture = string
  })

  validation {
    condition = var.runs_on == null || !fileexists("${var.package_folder}/manifest.json") ? true : try(
      [for built in [jsondecode(file("${var.package_folder}/manifest.json"))] : [built.platform, built.architecture]][0]
      == [var.runs_on.platform, var.runs_on.architecture],
      false,
    )
    error_message = format(
      "The packages in %s are for %s, this environment runs on %s. Build them for it: .venv/bin/python build/package.py --platform %s --architecture %s",
      var.package_folder,
      try([for built in [jsondecode(file("${var.package_folder}/manifest.json"))] : "${built.platform} ${built.architecture}"][0], "nothing that manifest.json names"),
      try("${var.runs_on.platform} ${var.runs_on.architecture}", "anything"),
      try(var.runs_on.platform, "linux"),
      try(var.runs_on.architecture, "x86_64"),
    )
  }
}

variable "protect" {
  description = "Whether what holds data survives a destroy: full buckets refuse it, deleted secrets can be restored for 30 days."
  type        = bool
}

variable "permissions_boundary" {
  description = "Name of the account's policy that bounds every role, `workload_boundary` of terraform/bootstrap: its apply role may make none without it. Null: none."
  type        = string
  default     = null

  validation {
    condition     = var.permissions_boundary == null ? true : can(regex("^[A-Za-z0-9+=,.@_/-]+$", var.permissions_boundary))
    error_message = "permissions_boundary must be the name of a policy, without its ARN: take the output workload_boundary of terraform/bootstrap."
  }
}

variable "schedules_enabled" {
  description = "Whether the schedules of enabled sources are on. Off, executions are started by hand."
  type        = bool
}

variable "deployments_kept" {
  description = "Deployments of which the versions of functions and state machine are kept, the live one included: a rollback goes back to any of them."
  type        = number
  default     = 10

  validation {
    condition     = var.deployments_kept >= 2 && var.deployments_kept <= 100 && floor(var.deployments_kept) == var.deployments_kept
    error_message = "deployments_kept must be a whole number between 2, without which nothing can be rolled back, and 100."
  }
}

variable "logging" {
  description = <<-EOT
    functions: log level of the functions. state_machine: log level of the state machine. execution_data: whether its log
    also holds what the states are given and answer. retention_days: days that logs are kept. tracing: X-Ray, Active or
    PassThrough.
  EOT
  type = object({
    functions      = string
    state_machine  = string
    execution_data = bool
    retention_days = number
    tracing        = string
  })

  validation {
    condition     = contains(["DEBUG", "INFO", "WARNING", "ERROR"], var.logging.functions)
    error_message = "logging.functions must be DEBUG, INFO, WARNING or ERROR."
  }

  validation {
    condition     = contains(["OFF", "ERROR", "FATAL", "ALL"], var.logging.state_machine)
    error_message = "logging.state_machine must be OFF, ERROR, FATAL or ALL."
  }

  validation {
    condition = contains(
      [1, 3, 5, 7, 14, 30, 60, 90, 120, 150, 180, 365, 400, 545, 731, 1096, 1827, 2192, 2557, 2922, 3288, 3653],
      var.logging.retention_days,
    )
    error_message = "logging.retention_days must be one that CloudWatch Logs offers: 1, 3, 5, 7, 14, 30, 60, 90, 120, 150, 180, 365, 400, 545, 731, 1096, 1827, 2192, 2557, 2922, 3288 or 3653."
  }

  validation {
    condition     = contains(["Active", "PassThrough"], var.logging.tracing)
    error_message = "logging.tracing must be Active or PassThrough."
  }
}

variable "retention_days" {
  description = "Days that objects are kept, by prefix, null for ever; see the landing module. landing: how far back a replay reaches."
  type = object({
    landing     = number
    load        = number
    runs        = number
    inbox       = number
    access_logs = number
  })
}

variable "raw_expires" {
  description = "Whether kept answers go after their stream's `keep_raw`. False is for a bucket that itself does not last."
  type        = bool
  default     = true
}

variable "alarms" {
  description = "Who is told of failures, and what is too late, too bad and too expensive: see the observability module."
  type = object({
    notify           = list(string)
    runbooks         = optional(string)
    lag_hours        = number
    lag_hours_of     = optional(map(number))
    rejected_percent = number
    daily_usd        = number
  })
}

variable "network" {
  description = <<-EOT
    A VPC of its own (cidr, zones, interface_endpoint_zones, nat, flow_logs) or one that exists (existing), and where extract
    runs: outside every VPC (null), or inside, and what it then reaches; see the network module.
  EOT
  type = object({
    cidr                     = optional(string)
    zones                    = optional(map(number), {})
    interface_endpoint_zones = number
    existing = optional(object({
      vpc_id          = string
      subnet_ids      = map(string)
      route_table_ids = optional(set(string), [])
      endpoints       = optional(object({ security_group_id = string }))
    }))
    extract   = optional(map(object({ cidr = string, port = optional(number, 443) })))
    nat       = optional(bool, false)
    flow_logs = optional(bool, false)
  })
}

variable "warehouse" {
  description = <<-EOT
    Size, port, daily limit, snapshots and audit logs of the warehouse; see the warehouse module. readers: who may read
    all tables and the ledger, by the names of their IAM roles and by the names of database users; whoever is taken off
    the list may no longer. certificate_authority: absolute path, inside the functions, of the file that its certificate
    is verified with; the default is part of every package.
  EOT
  type = object({
    port                  = optional(number, 5439)
    base_capacity         = number
    max_capacity          = number
    usage_limit_rpu_hours = optional(number)
    usage_limit_action    = optional(string, "deactivate")
    snapshots             = optional(object({ schedule = string, retention_days = number }))
    audit_logs            = optional(set(string), ["connectionlog", "userlog"])
    readers = optional(object({
      iam_roles      = optional(set(string), [])
      database_users = optional(set(string), [])
    }), {})
    certificate_authority = optional(string, "/var/task/botocore/cacert.pem")
  })

  validation {
    condition     = alltrue([for role in var.warehouse.readers.iam_roles : can(regex("^[A-Za-z0-9+=,.@_-]{1,64}$", role))])
    error_message = "warehouse.readers.iam_roles must be names of roles, without ARN, path or the prefix IAMR: that Redshift adds."
  }

  validation {
    condition     = alltrue([for user in var.warehouse.readers.database_users : can(regex("^[a-z_][a-z0-9_:@.+-]{0,62}$", user))])
    error_message = "warehouse.readers.database_users must be lower-case names of database users; those who come by an IAM role belong into iam_roles."
  }

  validation {
    condition     = startswith(var.warehouse.certificate_authority, "/")
    error_message = "warehouse.certificate_authority must be an absolute path: a function's working folder is not certain."
  }
}

variable "functions" {
  description = "Memory in MB and time-out in seconds of each function, where they differ from the defaults."
  type = object({
    plan    = optional(object({ memory_mb = number, timeout_seconds = number }), { memory_mb = 512, timeout_seconds = 300 })
    extract = optional(object({ memory_mb = number, timeout_seconds = number }), { memory_mb = 1769, timeout_seconds = 900 })
    load    = optional(object({ memory_mb = number, timeout_seconds = number }), { memory_mb = 512, timeout_seconds = 900 })
    report  = optional(object({ memory_mb = number, timeout_seconds = number }), { memory_mb = 512, timeout_seconds = 300 })
    migrate = optional(object({ memory_mb = number, timeout_seconds = number }), { memory_mb = 512, timeout_seconds = 300 })
  })
  default = {}
}

variable "flow" {
  description = <<-EOT
    extract_concurrency: windows that are read at the same time at most; a source's `limits.concurrency` may say fewer.
    For the others see the workflow module.
  EOT
  type = object({
    extract_concurrency                  = number
    extract_tolerated_failure_percentage = number
    load_concurrency                     = number
    retry = optional(object({
      attempts             = optional(number)
      first_wait_seconds   = optional(number)
      backoff              = optional(number)
      longest_wait_seconds = optional(number)
    }))
    timeouts  = optional(object({ run_hours = optional(number), hook_seconds = optional(number) }))
    hooks     = optional(object({ before_extract = optional(string), after_load = optional(string) }), {})
    event_bus = optional(string, "default")
  })

  validation {
    condition     = var.flow.extract_concurrency >= 1 && var.flow.extract_concurrency <= 1000
    error_message = "flow.extract_concurrency must be between 1 and 1000, the concurrent executions of a new account."
  }
}
