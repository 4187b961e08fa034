# One key for what an environment keeps: whoever may not use it reads nothing of it, whatever else a policy grants.

locals {
  scope = "${var.account.region}:${var.account.id}"
  logs  = "arn:${var.account.partition}:logs:${local.scope}"

  # The services that use the key in their own name. Everybody else, COPY and the functions included, uses it through a
  # role, whose statements stand in modules/iam/statements.tf.
  statements = [
    {
      # Hands the decision to the account's identity policies; without it nobody could ever change the key again.
      Sid       = "TheAccountDecides"
      Effect    = "Allow"
      Principal = { AWS = "arn:${var.account.partition}:iam::${var.account.id}:root" }
      Action    = "kms:*"
      Resource  = "*" # in a key's policy: this key
    },
    {
      Sid       = "EncryptLogGroups"
      Effect    = "Allow"
      Principal = { Service = "logs.${var.account.region}.amazonaws.com" }
      Action    = ["kms:Decrypt", "kms:DescribeKey", "kms:Encrypt", "kms:GenerateDataKey*", "kms:ReEncrypt*"]
      Resource  = "*"
      Condition = {
        ArnLike = {
          "kms:EncryptionContext:aws:logs:arn" = [for group in var.log_groups : "${local.logs}:log-group:${group}"]
        }
      }
    },
    {
      # Step Functions hands its log, encrypted, to the delivery of CloudWatch Logs.
      Sid       = "DeliverTheLogOfTheStateMachine"
      Effect    = "Allow"
      Principal = { Service = "delivery.logs.amazonaws.com" }
      Action    = "kms:Decrypt"
      Resource  = "*"
      Condition = {
        StringEquals = { "aws:SourceAccount" = var.account.id }
        ArnLike      = { "aws:SourceArn" = "${local.logs}:*" }
      }
    },
    {
      # Alarms and rules tell the topic, and rules put into the queue what they could not start: both are encrypted.
      Sid       = "PublishToTopicsAndQueues"
      Effect    = "Allow"
      Principal = { Service = ["cloudwatch.amazonaws.com", "events.amazonaws.com"] }
      Action    = ["kms:Decrypt", "kms:GenerateDataKey"]
      Resource  = "*"
      Condition = { StringEquals = { "aws:SourceAccount" = var.account.id } }
    },
  ]
}

resource "aws_kms_key" "main" {
  description             = "Data, logs, messages and secrets of ${var.name}"
  enable_key_rotation     = true
  deletion_window_in_days = var.deletion_window_days

  policy = jsonencode({
    Version   = "2012-10-17"
    Statement = local.statements
  })
}

resource "aws_kms_alias" "main" {
  name          = "alias/${var.name}"
  target_key_id = aws_kms_key.main.key_id
}
