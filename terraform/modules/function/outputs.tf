output "name" {
  description = "Name of the function."
  value       = aws_lambda_function.main.function_name
}

# Known before the function exists, so that a plan shows the state machine that calls it, and AWS validates it there.
output "alias_arn" {
  description = "ARN of the alias `live`."
  value       = "${var.arn}:live"
  depends_on  = [aws_lambda_alias.live]
}

output "alias" {
  description = "Name of the alias."
  value       = aws_lambda_alias.live.name
}

output "log_group" {
  description = "Name of the function's log group."
  value       = aws_cloudwatch_log_group.main.name
}
