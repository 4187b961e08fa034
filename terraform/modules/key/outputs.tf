output "arn" {
  description = "ARN of the key."
  # From its id, so that it is of the account's partition in a plan with made-up answers, too.
  value = "arn:${var.account.partition}:kms:${var.account.region}:${var.account.id}:key/${aws_kms_key.main.key_id}"
}

output "alias" {
  description = "Alias of the key."
  value       = aws_kms_alias.main.name
}
