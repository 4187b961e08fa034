output "landing_bucket" {
  description = "Name of the landing bucket."
  value       = module.landing.landing_bucket
}

output "artifact_bucket" {
  description = "Name of the bucket of the functions' packages."
  value       = module.landing.artifact_bucket
}

output "state_machine_arn" {
  description = "What schedules and operators start: the alias of the state machine."
  value       = module.workflow.state_machine_arn
}

output "functions" {
  description = "Functions by step: name, ARN of the alias, log group."
  value = {
    for step, function in merge(module.function, { migrate = module.migrate }) : step => {
      name      = function.name
      alias_arn = function.alias_arn
      log_group = function.log_group
    }
  }
}

output "deployments_kept" {
  description = "Deployments of which all versions are kept, the live one included."
  value       = var.deployments_kept
}

output "sources" {
  description = "Sources: whether the schedule is on, the schedule or null, an execution's input as JSON, the secret's name or null."
  value = {
    for source, differs in var.sources : source => {
      enabled     = var.schedules_enabled && differs.enabled
      schedule    = local.catalogues[source].schedule
      input       = local.inputs[source]
      secret_name = lookup(local.secret_names, source, null)
    }
  }
}

output "warehouse" {
  description = "Where the warehouse is, and the secret of its administrator."
  value = {
    host             = module.warehouse.host
    port             = module.warehouse.port
    database         = module.warehouse.database
    workgroup        = module.warehouse.workgroup
    namespace        = module.warehouse.namespace
    admin_secret_arn = module.warehouse.admin_secret_arn
  }
}

output "failures_topic_arn" {
  description = "SNS topic that failures are told to."
  value       = module.workflow.failures_topic_arn
}

output "idle_cost" {
  description = "What a month costs in which nothing happens, by the list prices in prices.yaml: of which region and month, USD by item, and how often each source's schedule wakes the warehouse."
  value = {
    prices      = local.prices.list
    usd_a_month = module.cost.usd_a_month
    wake_ups    = module.cost.wake_ups
  }
}
