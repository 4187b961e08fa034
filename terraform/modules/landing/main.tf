locals {
  buckets = {
    landing   = var.landing_bucket
    artifacts = var.artifact_bucket
    logs      = var.log_bucket
  }

  # Who reads or writes them is told to the third, which would tell of its own entries without end.
  logged = { for role, name in local.buckets : role => name if role != "logs" }

  arns = { for role, name in local.buckets : role => "arn:${var.account.partition}:s3:::${name}" }

  catalogue_keys = {
    for source, path in var.catalogues : source => "catalogue/${source}/${filesha256(path)}.yaml"
  }
}

resource "aws_s3_bucket" "this" {
  # checkov:skip=CKV2_AWS_62: of these buckets only the landing bucket has anybody who listens, and only where files are dropped
  # checkov:skip=CKV2_AWS_61: each has a lifecycle where retention_days says when something expires
  # checkov:skip=CKV_AWS_18: that of the access logs would tell of its own entries without end; the others are logged
  # checkov:skip=CKV_AWS_144: the endpoints are read again, or a backup is copied, by who needs a second region
  # checkov:skip=CKV_AWS_145: S3 delivers access logs to no bucket with a key of ours; the others have it

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
    # One data key for many objects: a window is dozens of parts, and KMS asks for each call.
    bucket_key_enabled = each.key != "logs"

    apply_server_side_encryption_by_default {
      sse_algorithm     = each.key == "logs" ? "AES256" : "aws:kms" # S3 delivers access logs to no other
      kms_master_key_id = each.key == "logs" ? null : var.key_arn
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

locals {
  refusals = {
    for role, arn in local.arns : role => [
      {
        Sid       = "RefusePlainHttp"
        Effect    = "Deny"
        Principal = "*"
        Action    = "s3:*"
        Resource  = [arn, "${arn}/*"]
        Condition = { Bool = { "aws:SecureTransport" = "false" } }
      },
      {
        # Whatever their own policies say, and whatever is granted here by mistake. AWS's services, such as the delivery
        # of access logs, come without an account.
        Sid       = "RefuseOtherAccounts"
        Effect    = "Deny"
        Principal = "*"
        Action    = "s3:*"
        Resource  = [arn, "${arn}/*"]
        Condition = {
          StringNotEquals = { "aws:PrincipalAccount" = var.account.id }
          BoolIfExists    = { "aws:PrincipalIsAWSService" = "false" }
        }
      },
    ]
  }

  grants = {
    logs = concat(
      [{
        Sid       = "TakeAccessLogs"
        Effect    = "Allow"
        Principal = { Service = "logging.s3.amazonaws.com" }
        Action    = "s3:PutObject"
        Resource  = [for role, _ in local.logged : "${local.arns.logs}/${role}/*"]
        Condition = {
          StringEquals = { "aws:SourceAccount" = var.account.id }
          ArnLike      = { "aws:SourceArn" = [for role, _ in local.logged : local.arns[role]] }
        }
      }],
      [
        # As AWS's guide has them, names included: flow logs add what they miss, which would be drift.
        for sid, may in {
          AWSLogDeliveryWrite = {
            action    = "s3:PutObject"
            resource  = "${local.arns.logs}/flow-logs/AWSLogs/${var.account.id}/*"
            condition = { "s3:x-amz-acl" = "bucket-owner-full-control" }
          }
          AWSLogDeliveryAclCheck = { action = "s3:GetBucketAcl", resource = local.arns.logs, condition = {} }
          } : {
          Sid       = sid
          Effect    = "Allow"
          Principal = { Service = "delivery.logs.amazonaws.com" }
          Action    = may.action
          Resource  = [may.resource]
          Condition = {
            StringEquals = merge({ "aws:SourceAccount" = var.account.id }, may.condition)
            ArnLike      = { "aws:SourceArn" = ["arn:${var.account.partition}:logs:${var.account.region}:${var.account.id}:*"] }
          }
        } if var.flow_logs
      ],
    )
  }
}

resource "aws_s3_bucket_policy" "this" {
  for_each = local.buckets

  bucket = aws_s3_bucket.this[each.key].bucket
  policy = jsonencode({
    Version   = "2012-10-17"
    Statement = concat(local.refusals[each.key], lookup(local.grants, each.key, []))
  })

  # S3 answers OperationAborted when a bucket's policy and its public access block change at the same time.
  depends_on = [aws_s3_bucket_public_access_block.this]
}

resource "aws_s3_bucket_logging" "this" {
  for_each = local.logged

  bucket        = aws_s3_bucket.this[each.key].bucket
  target_bucket = aws_s3_bucket.this["logs"].bucket
  target_prefix = "${each.key}/"

  # S3 tries whether it may write there.
  depends_on = [aws_s3_bucket_policy.this]
}

locals {
  # What one run leaves behind for the next, or for who asks. Rejected rows are files of their windows, under landing/.
  # catalogue/ and functions/ are not here: schedules, versions of functions and a rollback name what they hold.
  expiring = {
    for prefix in ["inbox", "landing", "load", "runs"] : prefix => var.retention_days[prefix]
    if var.retention_days[prefix] != null
  }
}

# Where nothing is to expire there is no lifecycle at all, not even for uploads that were broken off: the provider waits
# about a minute for each configuration, which is dear where a bucket lives for an afternoon.
resource "aws_s3_bucket_lifecycle_configuration" "landing" {
  count = length(local.expiring) + length(var.raw_days) == 0 ? 0 : 1

  bucket = aws_s3_bucket.this["landing"].bucket

  rule {
    id     = "clean-up"
    status = "Enabled"

    filter {}

    # Of what was overwritten or deleted: as long as what it was read with can still be replayed.
    dynamic "noncurrent_version_expiration" {
      for_each = var.retention_days.landing[*]

      content {
        noncurrent_days = noncurrent_version_expiration.value
      }
    }

    abort_incomplete_multipart_upload {
      days_after_initiation = 1
    }
  }

  dynamic "rule" {
    for_each = local.expiring

    content {
      id     = "expire-${rule.key}"
      status = "Enabled"

      filter {
        prefix = "${rule.key}/"
      }

      expiration {
        days = rule.value
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

  depends_on = [aws_s3_bucket_versioning.this]
}

resource "aws_s3_bucket_lifecycle_configuration" "artifacts" {
  count = var.retention_days.landing == null ? 0 : 1

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

  depends_on = [aws_s3_bucket_versioning.this]
}

resource "aws_s3_bucket_lifecycle_configuration" "logs" {
  count = var.retention_days.access_logs == null ? 0 : 1

  bucket = aws_s3_bucket.this["logs"].bucket

  rule {
    id     = "expire"
    status = "Enabled"

    filter {}

    expiration {
      days = var.retention_days.access_logs
    }

    noncurrent_version_expiration {
      noncurrent_days = 1
    }

    abort_incomplete_multipart_upload {
      days_after_initiation = 1
    }
  }

  depends_on = [aws_s3_bucket_versioning.this]
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
