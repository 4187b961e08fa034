# A file dropped below inbox/<source>/<stream>/ starts the pipeline for it. The landing bucket tells EventBridge of every
# object; these rules pick out the files, one rule for each source, since each is started with its own catalogue.

locals {
  scope = "${var.account.region}:${var.account.id}"
}

resource "aws_cloudwatch_event_rule" "source" {
  for_each = var.sources

  name        = "${var.name}-${each.key}"
  description = "Starts the pipeline for a file dropped for ${each.key}"

  event_pattern = jsonencode({
    source        = ["aws.s3"]
    "detail-type" = ["Object Created"]
    detail = {
      bucket = { name = [var.landing_bucket] }
      object = { key = [for stream in each.value.streams : { prefix = "inbox/${each.key}/${stream}/" }] }
    }
  })
}

resource "aws_cloudwatch_event_target" "pipeline" {
  for_each = var.sources

  rule      = aws_cloudwatch_event_rule.source[each.key].name
  target_id = "pipeline"
  arn       = var.state_machine_arn
  role_arn  = var.role_arn

  input_transformer {
    # As a whole: EventBridge puts in a text as it stands, and a key may hold quotes and backslashes. Of an object it
    # makes JSON, with the key as S3 has it, neither escaped for a URL nor with `+` for spaces.
    input_paths = { object = "$.detail.object" }
    # jsonencode would write the brackets of a placeholder as \u003c.
    input_template = replace(jsonencode(merge(each.value.input, { inbox = "OBJECT" })), "\"OBJECT\"", "<object>")
  }

  # A file has no next run that would catch up: a start that failed is tried again for a day.
  retry_policy {
    maximum_event_age_in_seconds = 86400
    maximum_retry_attempts       = 185
  }

  dead_letter_config {
    arn = local.queue_arn
  }

  # Without the policy what could not be started would be lost.
  depends_on = [aws_sqs_queue_policy.unstarted]
}

# What could not be started at all, as EventBridge was told it.
locals {
  queue_name = "${var.name}-inbox-unstarted"
  queue_arn  = "arn:${var.account.partition}:sqs:${local.scope}:${local.queue_name}"
}

resource "aws_sqs_queue" "unstarted" {
  name                      = local.queue_name
  message_retention_seconds = 1209600
  kms_master_key_id         = var.key_arn
}

resource "aws_sqs_queue_policy" "unstarted" {
  queue_url = aws_sqs_queue.unstarted.url
  policy = jsonencode({
    Version = "2012-10-17"
    Statement = [{
      Sid       = "TakeWhatOurRulesCouldNotStart"
      Effect    = "Allow"
      Principal = { Service = "events.amazonaws.com" }
      Action    = "sqs:SendMessage"
      Resource  = local.queue_arn
      Condition = {
        ArnEquals = {
          "aws:SourceArn" = [
            for source, _ in var.sources : "arn:${var.account.partition}:events:${local.scope}:rule/${var.name}-${source}"
          ]
        }
      }
    }]
  })
}
