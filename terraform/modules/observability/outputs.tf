output "alarms" {
  description = "Alarms: name => its description, with the address of its runbook."
  value       = { for alarm in aws_cloudwatch_metric_alarm.main : alarm.alarm_name => alarm.alarm_description }
}
