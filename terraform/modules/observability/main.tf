# Who is told, and of what: an alarm's description says what happened and leads to what to do.

locals {
  protocols = { mailto = "email", https = "https", sqs = "sqs", lambda = "lambda" }

  subscriptions = {
    for to in var.alarms.notify : to => {
      protocol = local.protocols[startswith(to, "arn:") ? split(":", to)[2] : split(":", to)[0]]
      endpoint = trimprefix(to, "mailto:")
    }
  }
}

resource "aws_sns_topic_subscription" "notify" {
  for_each = local.subscriptions

  topic_arn = var.failures_topic_arn
  protocol  = each.value.protocol
  endpoint  = each.value.endpoint
}

resource "aws_cloudwatch_metric_alarm" "main" {
  for_each = local.alarms

  alarm_name          = "${var.name}-${each.key}"
  alarm_description   = "${each.value.says} Runbook: ${var.alarms.runbooks}#${each.value.runbook}"
  comparison_operator = each.value.comparison
  threshold           = each.value.threshold
  evaluation_periods  = each.value.periods
  treat_missing_data  = each.value.missing
  alarm_actions       = [var.failures_topic_arn]

  # Of one metric, or of an expression over several.
  namespace   = one([for metric in each.value.of : metric.namespace if each.value.expression == null])
  metric_name = one([for metric in each.value.of : metric.name if each.value.expression == null])
  dimensions  = one([for metric in each.value.of : metric.dimensions if each.value.expression == null])
  statistic   = each.value.expression == null ? each.value.statistic : null
  period      = each.value.expression == null ? each.value.seconds : null

  dynamic "metric_query" {
    for_each = { for id, metric in each.value.of : id => metric if each.value.expression != null }

    content {
      id          = metric_query.key
      return_data = false

      metric {
        namespace   = metric_query.value.namespace
        metric_name = metric_query.value.name
        dimensions  = metric_query.value.dimensions
        stat        = each.value.statistic
        period      = each.value.seconds
      }
    }
  }

  dynamic "metric_query" {
    for_each = each.value.expression[*]

    content {
      id          = "result"
      expression  = metric_query.value
      label       = each.key
      return_data = true
    }
  }
}

resource "aws_cloudwatch_dashboard" "main" {
  dashboard_name = var.name
  dashboard_body = jsonencode({ start = "-P2D", widgets = local.widgets })
}
