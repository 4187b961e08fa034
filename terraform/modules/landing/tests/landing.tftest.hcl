mock_provider "aws" {
  override_during = plan
}

variables {
  key_arn         = "arn:aws:kms:eu-central-1:111122223333:key/0a1b2c3d-0000-4000-8000-000000000000"
  landing_bucket  = "xmlift-test-landing-111122223333"
  artifact_bucket = "xmlift-test-artifacts-111122223333"
  log_bucket      = "xmlift-test-access-logs-111122223333"
  account         = { partition = "aws", region = "eu-central-1", id = "111122223333" }
  retention_days  = { landing = null, load = null, runs = null, inbox = null, access_logs = null }
  catalogues      = { ewm = "tests/catalogue.yaml" }
}

run "keeps_protects_and_uploads" {
  command = plan

  assert {
    condition = (
      length(aws_s3_bucket_lifecycle_configuration.landing) + length(aws_s3_bucket_lifecycle_configuration.artifacts) +
      length(aws_s3_bucket_lifecycle_configuration.logs) == 0
    )
    error_message = "Without retention_days nothing may expire."
  }

  assert {
    condition     = length(aws_s3_bucket_notification.landing) == 0
    error_message = "Each event costs, so that nobody is told where nobody listens."
  }

  assert {
    condition     = !aws_s3_bucket.this["landing"].force_destroy && !aws_s3_bucket.this["artifacts"].force_destroy
    error_message = "A full bucket has to refuse its destruction unless force_destroy says otherwise."
  }

  assert {
    condition = alltrue([
      for bucket in ["landing", "artifacts", "logs"] :
      aws_s3_bucket_versioning.this[bucket].versioning_configuration[0].status == "Enabled" &&
      aws_s3_bucket_ownership_controls.this[bucket].rule[0].object_ownership == "BucketOwnerEnforced" &&
      aws_s3_bucket_public_access_block.this[bucket].restrict_public_buckets &&
      [for statement in jsondecode(aws_s3_bucket_policy.this[bucket].policy).Statement : statement.Sid if statement.Effect == "Deny"]
      == ["RefusePlainHttp", "RefuseOtherAccounts"]
    ])
    error_message = "All buckets are versioned, owned, private, and refuse plain HTTP and other accounts."
  }

  assert {
    condition = {
      for bucket, encryption in aws_s3_bucket_server_side_encryption_configuration.this : bucket => [
        for rule in encryption.rule : [
          one(rule.apply_server_side_encryption_by_default).sse_algorithm,
          one(rule.apply_server_side_encryption_by_default).kms_master_key_id == var.key_arn,
          rule.bucket_key_enabled,
        ]
      ][0]
    } == { landing = ["aws:kms", true, true], artifacts = ["aws:kms", true, true], logs = ["AES256", false, false] }
    error_message = "Objects are encrypted with the key of the environment, save access logs, which S3 delivers to no such bucket."
  }

  assert {
    condition = (
      { for bucket, logging in aws_s3_bucket_logging.this : bucket => logging.target_prefix } == { landing = "landing/", artifacts = "artifacts/" } &&
      one([for statement in jsondecode(aws_s3_bucket_policy.this["logs"].policy).Statement : statement if statement.Effect == "Allow"]) == {
        Sid       = "TakeAccessLogs"
        Effect    = "Allow"
        Principal = { Service = "logging.s3.amazonaws.com" }
        Action    = "s3:PutObject"
        Resource  = ["arn:aws:s3:::xmlift-test-access-logs-111122223333/artifacts/*", "arn:aws:s3:::xmlift-test-access-logs-111122223333/landing/*"]
        Condition = {
          StringEquals = { "aws:SourceAccount" = "111122223333" }
          ArnLike      = { "aws:SourceArn" = ["arn:aws:s3:::xmlift-test-artifacts-111122223333", "arn:aws:s3:::xmlift-test-landing-111122223333"] }
        }
      }
    )
    error_message = "S3 alone writes the access logs, of these two buckets alone."
  }

  assert {
    condition     = output.catalogue_keys.ewm == "catalogue/ewm/${filesha256("tests/catalogue.yaml")}.yaml"
    error_message = "The key is made from the file's own bytes."
  }

  assert {
    condition     = aws_s3_object.catalogue["ewm"].source == "tests/catalogue.yaml"
    error_message = "The file itself is uploaded, not what Terraform understood of it."
  }
}

run "expires_what_runs_leave_behind" {
  command = plan

  variables {
    retention_days = { landing = 30, load = 15, runs = 400, inbox = 90, access_logs = 7 }
  }

  assert {
    condition = sort([
      for rule in aws_s3_bucket_lifecycle_configuration.landing[0].rule :
      "${rule.id} ${one(rule.filter[*].prefix)} ${one(rule.expiration[*].days)}" if length(rule.expiration) > 0
    ]) == tolist(["expire-inbox inbox/ 90", "expire-landing landing/ 30", "expire-load load/ 15", "expire-runs runs/ 400"])
    error_message = "What runs leave behind expires by its prefix; catalogues, which schedules name, never do."
  }

  assert {
    condition     = one(aws_s3_bucket_lifecycle_configuration.logs[0].rule[0].expiration[*].days) == 7
    error_message = "Access logs expire by days of their own."
  }

  assert {
    condition = alltrue([
      for lifecycle in [aws_s3_bucket_lifecycle_configuration.landing[0], aws_s3_bucket_lifecycle_configuration.artifacts[0], aws_s3_bucket_lifecycle_configuration.logs[0]] :
      contains(flatten(lifecycle.rule[*].abort_incomplete_multipart_upload[*].days_after_initiation), 1)
    ])
    error_message = "Parts of uploads that were broken off are billed and seen by nobody."
  }
}

run "takes_flow_logs_where_they_are_asked_for" {
  command = plan

  variables {
    flow_logs = true
  }

  assert {
    condition = {
      for statement in jsondecode(aws_s3_bucket_policy.this["logs"].policy).Statement : statement.Action => statement.Resource
      if statement.Effect == "Allow" && statement.Principal == { Service = "delivery.logs.amazonaws.com" }
      } == {
      "s3:PutObject"    = ["arn:aws:s3:::xmlift-test-access-logs-111122223333/flow-logs/AWSLogs/111122223333/*"]
      "s3:GetBucketAcl" = ["arn:aws:s3:::xmlift-test-access-logs-111122223333"]
    }
    error_message = "The delivery of flow logs writes under its own prefix, and looks whom the bucket belongs to."
  }
}

run "tells_eventbridge_where_somebody_listens" {
  command = plan

  variables {
    notify = true
  }

  assert {
    condition     = aws_s3_bucket_notification.landing[0].eventbridge
    error_message = "A rule for dropped files hears of nothing unless the bucket tells EventBridge."
  }
}

run "expires_answers_by_stream" {
  command = plan

  variables {
    raw_days = { "ewm/work_items" = 30, "ecb/reference_rates" = 7 }
  }

  assert {
    condition = sort([
      for rule in aws_s3_bucket_lifecycle_configuration.landing[0].rule :
      "${rule.id} ${one(rule.filter[*].prefix)} ${one(rule.expiration[*].days)} ${one(rule.noncurrent_version_expiration[*].noncurrent_days)}"
      if length(rule.expiration) > 0
      ]) == tolist([
      "expire-raw-ecb-reference_rates raw/ecb/reference_rates/ 7 1",
      "expire-raw-ewm-work_items raw/ewm/work_items/ 30 1",
    ])
    error_message = "Each stream's answers expire by their own days, a version that is an old one within a day."
  }
}

run "refuses_to_keep_answers_longer_than_the_commits_that_name_them" {
  command = plan

  variables {
    retention_days = { landing = 30, load = 30, runs = 30, inbox = 30, access_logs = 30 }
    raw_days       = { "ewm/work_items" = 31, "ecb/reference_rates" = 30 }
  }

  expect_failures = [var.raw_days]
}

run "refuses_a_retention_that_redrive_outlives_and_a_name_that_s3_refuses" {
  command = plan

  variables {
    retention_days = { landing = 30, load = 14, runs = 30, inbox = 30, access_logs = 30 }
    landing_bucket = "xmlift-${join("", [for _ in range(60) : "x"])}"
  }

  expect_failures = [var.retention_days, var.landing_bucket]
}
