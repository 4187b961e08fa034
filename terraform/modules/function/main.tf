resource "aws_cloudwatch_log_group" "main" {
  # checkov:skip=CKV_AWS_338: how long logs are kept is the environment's to say; what has to last are the reports under runs/

  name              = var.log_group
  retention_in_days = var.log_retention_days
  kms_key_id        = var.key_arn
}

# The key is made from the content: another zip is another object, and the function follows it.
resource "aws_s3_object" "package" {
  bucket      = var.package.bucket
  key         = var.package.key
  source      = var.package.path
  source_hash = var.package.source_code_hash

  # Not created before the older one is destroyed: that would go for all that this waits for, too, and of the warehouse there
  # cannot be two. Lambda has its own copy of what it runs.
  lifecycle {
    precondition {
      condition     = try(filebase64sha256(var.package.path), "missing") == var.package.source_code_hash
      error_message = "${var.package.path} is not the zip that manifest.json describes: run `make package` again."
    }
  }
}

resource "aws_lambda_function" "main" {
  # checkov:skip=CKV_AWS_115: a new account cannot reserve concurrency; the flow says how many run at once
  # checkov:skip=CKV_AWS_116: the state machine waits for each answer, so that no call is ever left over for a queue
  # checkov:skip=CKV_AWS_117: only what calls the warehouse is inside the VPC; extract reads endpoints outside it
  # checkov:skip=CKV_AWS_272: the zip is held to the SHA-256 that manifest.json has of it, when it is planned and by Lambda

  function_name    = var.name
  role             = var.role_arn
  runtime          = "python${var.package.python}"
  architectures    = [var.package.architecture]
  handler          = "handler.handler"
  s3_bucket        = aws_s3_object.package.bucket
  s3_key           = aws_s3_object.package.key
  source_code_hash = var.package.source_code_hash
  memory_size      = var.limits.memory_mb
  timeout          = var.limits.timeout_seconds
  publish          = true
  kms_key_arn      = var.key_arn

  environment {
    variables = var.environment_variables
  }

  logging_config {
    log_format = "Text" # the functions write JSON lines themselves; Lambda's JSON format would wrap them again
    log_group  = aws_cloudwatch_log_group.main.name
  }

  tracing_config {
    mode = var.tracing
  }

  dynamic "vpc_config" {
    for_each = var.network[*]

    content {
      subnet_ids         = vpc_config.value.subnet_ids
      security_group_ids = vpc_config.value.security_group_ids
    }
  }
}

resource "aws_lambda_alias" "live" {
  name             = "live"
  description      = "The version that the state machine calls"
  function_name    = aws_lambda_function.main.function_name
  function_version = aws_lambda_function.main.version
}
