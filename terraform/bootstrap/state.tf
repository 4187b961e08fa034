# Where the environment's state lives. It outlives the environment, so no apply of it can take this away.

locals {
  state_bucket = "xmlift-terraform-state-${var.account_id}"
  state_key    = "${var.environment}/terraform.tfstate"
}

resource "aws_s3_bucket" "state" {
  # checkov:skip=CKV_AWS_18: two roles reach it, and CloudTrail tells of both; a bucket for its access log would need one, too
  # checkov:skip=CKV_AWS_144: whoever loses a region makes the environment anew in another
  # checkov:skip=CKV2_AWS_62: nobody waits for a state

  bucket = local.state_bucket

  lifecycle {
    prevent_destroy = true
  }
}

# An older state is what remains where a newer one is broken.
resource "aws_s3_bucket_versioning" "state" {
  bucket = aws_s3_bucket.state.bucket

  versioning_configuration {
    status = "Enabled"
  }
}

resource "aws_s3_bucket_server_side_encryption_configuration" "state" {
  bucket = aws_s3_bucket.state.bucket

  rule {
    bucket_key_enabled = true

    apply_server_side_encryption_by_default {
      sse_algorithm     = "aws:kms"
      kms_master_key_id = aws_kms_key.state.arn
    }
  }
}

resource "aws_s3_bucket_ownership_controls" "state" {
  bucket = aws_s3_bucket.state.bucket

  rule {
    object_ownership = "BucketOwnerEnforced"
  }
}

resource "aws_s3_bucket_public_access_block" "state" {
  bucket                  = aws_s3_bucket.state.bucket
  block_public_acls       = true
  block_public_policy     = true
  ignore_public_acls      = true
  restrict_public_buckets = true
}

resource "aws_s3_bucket_policy" "state" {
  bucket = aws_s3_bucket.state.bucket
  policy = jsonencode({
    Version = "2012-10-17"
    Statement = [
      {
        Sid       = "RefusePlainHttp"
        Effect    = "Deny"
        Principal = "*"
        Action    = "s3:*"
        Resource  = [local.state_arn, "${local.state_arn}/*"]
        Condition = { Bool = { "aws:SecureTransport" = "false" } }
      },
      {
        Sid       = "RefuseOtherAccounts"
        Effect    = "Deny"
        Principal = "*"
        Action    = "s3:*"
        Resource  = [local.state_arn, "${local.state_arn}/*"]
        Condition = { StringNotEquals = { "aws:PrincipalAccount" = var.account_id } }
      },
      {
        # A writing that asks for a way of its own, as the backend's `encrypt = true` does, gets it instead of the key.
        Sid       = "RefuseOtherEncryption"
        Effect    = "Deny"
        Principal = "*"
        Action    = "s3:PutObject"
        Resource  = "${local.state_arn}/*"
        Condition = {
          Null            = { "s3:x-amz-server-side-encryption" = "false" }
          StringNotEquals = { "s3:x-amz-server-side-encryption" = "aws:kms" }
        }
      },
    ]
  })

  # S3 answers OperationAborted when a bucket's policy and its public access block change at the same time.
  depends_on = [aws_s3_bucket_public_access_block.state]
}

resource "aws_s3_bucket_lifecycle_configuration" "state" {
  bucket = aws_s3_bucket.state.bucket

  rule {
    id     = "keep-a-quarter-of-states"
    status = "Enabled"

    filter {}

    noncurrent_version_expiration {
      noncurrent_days           = 90
      newer_noncurrent_versions = 20
    }

    abort_incomplete_multipart_upload {
      days_after_initiation = 1
    }
  }

  depends_on = [aws_s3_bucket_versioning.state]
}

resource "aws_kms_key" "state" {
  description             = "State of xmlift-${var.environment}"
  enable_key_rotation     = true
  deletion_window_in_days = 30

  # The account's own identity policies decide; without this statement nobody could ever change the key again.
  policy = jsonencode({
    Version = "2012-10-17"
    Statement = [{
      Sid       = "TheAccountDecides"
      Effect    = "Allow"
      Principal = { AWS = "arn:${local.partition}:iam::${var.account_id}:root" }
      Action    = "kms:*"
      Resource  = "*"
    }]
  })
}

resource "aws_kms_alias" "state" {
  name          = "alias/xmlift-${var.environment}-state"
  target_key_id = aws_kms_key.state.key_id
}
