output "landing_bucket" {
  description = "Name of the landing bucket."
  value       = module.platform.landing_bucket
}

output "artifact_bucket" {
  description = "Name of the bucket of the functions' packages."
  value       = module.platform.artifact_bucket
}

output "state_machine_arn" {
  description = "What schedules and operators start: the alias of the state machine."
  value       = module.platform.state_machine_arn
}

output "functions" {
  description = "Functions by step: name, ARN of the alias, log group."
  value       = module.platform.functions
}

output "deployments_kept" {
  description = "Deployments of which all versions are kept, the live one included."
  value       = module.platform.deployments_kept
}

output "sources" {
  description = "Sources: whether the schedule is on, the schedule, an execution's input as JSON, the secret's name or null."
  value       = module.platform.sources
}

output "warehouse" {
  description = "Where the warehouse is, and the secret of its administrator."
  value       = module.platform.warehouse
}

output "failures_topic_arn" {
  description = "SNS topic that failures are told to."
  value       = module.platform.failures_topic_arn
}

output "idle_cost" {
  description = "What a month costs in which nothing happens, in USD by item, and how often each schedule wakes the warehouse."
  value       = module.platform.idle_cost
}
