output "rules" {
  description = "Rule of each source with an inbox: source => name."
  value       = { for source, rule in aws_cloudwatch_event_rule.source : source => rule.name }
}
