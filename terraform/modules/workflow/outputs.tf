output "state_machine_arn" {
  description = "What schedules and operators start: the alias of the state machine."
  value       = local.alias_arn
  depends_on  = [aws_sfn_alias.live]
}

output "failures_topic_arn" {
  description = "SNS topic that failures are told to."
  value       = local.failures_topic_arn
  depends_on  = [aws_sns_topic.failures]
}

output "schedule_group" {
  description = "Name of the environment's group of schedules, for those beside the sources'."
  value       = aws_scheduler_schedule_group.sources.name
}
