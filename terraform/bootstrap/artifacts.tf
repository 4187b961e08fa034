# Where the packages of every commit are kept: one bucket, in one account, that the deploying roles of all environments
# read. What prod runs are the bytes that dev ran, and nobody can put others in their place.

locals {
  keeps_artifacts = var.account_id == var.artifacts.account_id
  artifact_bucket = "xmlift-artifacts-${var.artifacts.account_id}"
  artifact_arn    = "arn:${local.partition}:s3:::${local.artifact_bucket}"

  # In the readers' accounts these roles alone: what is in the packages is nobody else's business.
  reading = {
    accounts = [for id in var.artifacts.readers : "arn:${local.partition}:iam::${id}:root"]
    roles    = "arn:${local.partition}:iam::*:role/xmlift-deploy-*"
    through  = "s3.${var.artifacts.region}.amazonaws.com"
  }
}

resource "aws_s3_bucket" "artifacts" {
  # checkov:skip=CKV_AWS_18: the deploying roles reach it, and CloudTrail tells of them; a bucket for its access log would need one, too
  # checkov:skip=CKV_AWS_144: packages are built again from their commit, to the same bytes
  # checkov:skip=CKV2_AWS_62: nobody waits for a package
  count = local.keeps_artifacts ? 1 : 0

  bucket = local.artifact_bucket

  lifecycle {
    prevent_destroy = true
  }
}

resource "aws_s3_bucket_versioning" "artifacts" {
  count = local.keeps_artifacts ? 1 : 0

  bucket = aws_s3_bucket.artifacts[0].bucket

  versioning_configuration {
    status = "Enabled"
  }
}

resource "aws_s3_bucket_server_side_encryption_configuration" "artifacts" {
  count = local.keeps_artifacts ? 1 : 0

  bucket = aws_s3_bucket.artifacts[0].bucket

  rule {
    bucket_key_enabled = true

    apply_server_side_encryption_by_default {
      sse_algorithm     = "aws:kms"
      kms_master_key_id = aws_kms_key.artifacts[0].arn
    }
  }
}

resource "aws_s3_bucket_ownership_controls" "artifacts" {
  count = local.keeps_artifacts ? 1 : 0

  bucket = aws_s3_bucket.artifacts[0].bucket

  rule {
    object_ownership = "BucketOwnerEnforced"
  }
}

resource "aws_s3_bucket_public_access_block" "artifacts" {
  count = local.keeps_artifacts ? 1 : 0

  bucket                  = aws_s3_bucket.artifacts[0].bucket
  block_public_acls       = true
  block_public_policy     = true
  ignore_public_acls      = true
  restrict_public_buckets = true
}

resource "aws_s3_bucket_policy" "artifacts" {
  count = local.keeps_artifacts ? 1 : 0

  bucket = aws_s3_bucket.artifacts[0].bucket
  policy = jsonencode({
    Version = "2012-10-17"
    Statement = concat(
      [
        {
          Sid       = "RefusePlainHttp"
          Effect    = "Deny"
          Principal = "*"
          Action    = "s3:*"
          Resource  = [local.artifact_arn, "${local.artifact_arn}/*"]
          Condition = { Bool = { "aws:SecureTransport" = "false" } }
        },
        {
          Sid       = "RefuseOtherAccounts"
          Effect    = "Deny"
          Principal = "*"
          Action    = "s3:*"
          Resource  = [local.artifact_arn, "${local.artifact_arn}/*"]
          Condition = { StringNotEquals = { "aws:PrincipalAccount" = concat([var.account_id], var.artifacts.readers) } }
        },
        {
          # A writing that does not ask for the key to be free would replace what was deployed before.
          Sid       = "NothingIsReplaced"
          Effect    = "Deny"
          Principal = "*"
          Action    = "s3:PutObject"
          Resource  = "${local.artifact_arn}/*"
          Condition = { Null = { "s3:if-none-match" = "true" } }
        },
        {
          Sid       = "NothingIsDeleted"
          Effect    = "Deny"
          Principal = "*"
          Action    = ["s3:DeleteObject", "s3:DeleteObjectVersion"]
          Resource  = "${local.artifact_arn}/*"
        },
      ],
      # A statement needs a principal: without readers there is none.
      length(var.artifacts.readers) == 0 ? [] : [
        {
          Sid       = "EnvironmentsRead"
          Effect    = "Allow"
          Principal = { AWS = local.reading.accounts }
          Action    = ["s3:GetObject", "s3:ListBucket"]
          Resource  = [local.artifact_arn, "${local.artifact_arn}/*"]
          Condition = { ArnLike = { "aws:PrincipalArn" = local.reading.roles } }
        },
      ],
    )
  })

  # S3 answers OperationAborted when a bucket's policy and its public access block change at the same time.
  depends_on = [aws_s3_bucket_public_access_block.artifacts]
}

resource "aws_s3_bucket_lifecycle_configuration" "artifacts" {
  count = local.keeps_artifacts ? 1 : 0

  bucket = aws_s3_bucket.artifacts[0].bucket

  # Packages never expire: a rollback names them, however old.
  rule {
    id     = "clean-up"
    status = "Enabled"

    filter {}

    abort_incomplete_multipart_upload {
      days_after_initiation = 1
    }
  }
}

resource "aws_kms_key" "artifacts" {
  count = local.keeps_artifacts ? 1 : 0

  description             = "Packages of xmlift"
  enable_key_rotation     = true
  deletion_window_in_days = 30

  policy = jsonencode({
    Version = "2012-10-17"
    Statement = concat(
      [{
        # The account's own identity policies decide; without this statement nobody could ever change the key again.
        Sid       = "TheAccountDecides"
        Effect    = "Allow"
        Principal = { AWS = "arn:${local.partition}:iam::${var.account_id}:root" }
        Action    = "kms:*"
        Resource  = "*"
      }],
      length(var.artifacts.readers) == 0 ? [] : [
        {
          Sid       = "EnvironmentsDecrypt"
          Effect    = "Allow"
          Principal = { AWS = local.reading.accounts }
          Action    = "kms:Decrypt"
          Resource  = "*" # in a key's policy: this key
          Condition = {
            StringEquals = { "kms:ViaService" = local.reading.through }
            ArnLike      = { "aws:PrincipalArn" = local.reading.roles }
          }
        },
      ],
    )
  })
}

resource "aws_kms_alias" "artifacts" {
  count = local.keeps_artifacts ? 1 : 0

  name          = "alias/xmlift-artifacts"
  target_key_id = aws_kms_key.artifacts[0].key_id
}
