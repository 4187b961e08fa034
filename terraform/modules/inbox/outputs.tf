output "rules" {
  description = "Rule of each source with an inbox: source => name."
  value       = { for source, rule in aws_cloudwatch_event_rule.source : source => rule.name }
}

output "queue" {
  description = "Name of the queue of what could not be started."
  value       = aws_sqs_queue.unstarted.name
}
