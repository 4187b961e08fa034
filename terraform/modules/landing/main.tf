locals {
  buckets = {
    landing   = var.landing_bucket
    artifacts = var.artifact_bucket
  }

  catalogue_keys = {
    for source, path in var.catalogues : source => "catalogue/${source}/${filesha256(path)}.yaml"
  }
}

resource "aws_s3_bucket" "this" {
  for_each = local.buckets

  bucket        = each.value
  force_destroy = var.force_destroy
}

resource "aws_s3_bucket_versioning" "this" {
  for_each = local.buckets

  bucket = aws_s3_bucket.this[each.key].bucket

  versioning_configuration {
    status = "Enabled"
  }
}

resource "aws_s3_bucket_server_side_encryption_configuration" "this" {
  for_each = local.buckets

  bucket = aws_s3_bucket.this[each.key].bucket

  rule {
    apply_server_side_encryption_by_default {
      sse_algorithm = "AES256"
    }
  }
}

resource "aws_s3_bucket_ownership_controls" "this" {
  for_each = local.buckets

  bucket = aws_s3_bucket.this[each.key].bucket

  rule {
    object_ownership = "BucketOwnerEnforced"
  }
}

resource "aws_s3_bucket_public_access_block" "this" {
  for_each = local.buckets

  bucket                  = aws_s3_bucket.this[each.key].id
  block_public_acls       = true
  block_public_policy     = true
  ignore_public_acls      = true
  restrict_public_buckets = true
}

resource "aws_s3_bucket_policy" "this" {
  for_each = local.buckets

  bucket = aws_s3_bucket.this[each.key].bucket
  policy = jsonencode({
    Version = "2012-10-17"
    Statement = [{
      Sid       = "RefusePlainHttp"
      Effect    = "Deny"
      Principal = "*"
      Action    = "s3:*"
      Resource  = ["arn:${var.partition}:s3:::${each.value}", "arn:${var.partition}:s3:::${each.value}/*"]
      Condition = { Bool = { "aws:SecureTransport" = "false" } }
    }]
  })

  # S3 answers OperationAborted when a bucket's policy and its public access block change at the same time.
  depends_on = [aws_s3_bucket_public_access_block.this]
}

# Where nothing is to expire there is no lifecycle at all, not even for uploads that were broken off: the provider waits
# about a minute for each configuration, which is dear where a bucket lives for an afternoon.
resource "aws_s3_bucket_lifecycle_configuration" "landing" {
  count = var.retention_days == null && length(var.raw_days) == 0 ? 0 : 1

  bucket = aws_s3_bucket.this["landing"].bucket

  dynamic "rule" {
    for_each = var.retention_days == null ? [] : ["landing", "load", "runs"]

    content {
      id     = "expire-${rule.value}"
      status = "Enabled"

      filter {
        prefix = "${rule.value}/"
      }

      expiration {
        days = var.retention_days
      }
    }
  }

  # Answers as they came, each stream's for as long as its `keep_raw` says.
  dynamic "rule" {
    for_each = var.raw_days

    content {
      id     = "expire-raw-${replace(rule.key, "/", "-")}"
      status = "Enabled"

      filter {
        prefix = "raw/${rule.key}/"
      }

      expiration {
        days = rule.value
      }

      # In a versioned bucket an object that expires becomes an old version first: kept any longer, it would outlive its days.
      noncurrent_version_expiration {
        noncurrent_days = 1
      }
    }
  }

  rule {
    id     = "clean-up"
    status = "Enabled"

    filter {}

    dynamic "noncurrent_version_expiration" {
      for_each = var.retention_days == null ? [] : [var.retention_days]

      content {
        noncurrent_days = noncurrent_version_expiration.value
      }
    }

    abort_incomplete_multipart_upload {
      days_after_initiation = 1
    }
  }

  depends_on = [aws_s3_bucket_versioning.this]
}

resource "aws_s3_bucket_lifecycle_configuration" "artifacts" {
  count = var.retention_days == null ? 0 : 1

  bucket = aws_s3_bucket.this["artifacts"].bucket

  # Packages never expire: versions of the functions and a rollback name them.
  rule {
    id     = "clean-up"
    status = "Enabled"

    filter {}

    abort_incomplete_multipart_upload {
      days_after_initiation = 1
    }
  }
}

# EventBridge is told of every object in the bucket, and asks a little for each: only where somebody listens. This one
# resource is all of the bucket's notifications.
resource "aws_s3_bucket_notification" "landing" {
  count = var.notify ? 1 : 0

  bucket      = aws_s3_bucket.this["landing"].bucket
  eventbridge = true
}

# The file's own bytes: decoding and encoding YAML again would sort keys, turn `on` into true and `010` into 8.
resource "aws_s3_object" "catalogue" {
  for_each = var.catalogues

  bucket       = aws_s3_bucket.this["landing"].bucket
  key          = local.catalogue_keys[each.key]
  source       = each.value
  source_hash  = filesha256(each.value)
  content_type = "application/yaml"

  depends_on = [aws_s3_bucket_versioning.this, aws_s3_bucket_server_side_encryption_configuration.this]

  lifecycle {
    # The new catalogue is there before the schedules that name it.
    create_before_destroy = true
  }
}
