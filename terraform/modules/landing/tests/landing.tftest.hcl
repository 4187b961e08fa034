mock_provider "aws" {
  override_during = plan
}

variables {
  landing_bucket  = "xmlift-test-landing-111122223333"
  artifact_bucket = "xmlift-test-artifacts-111122223333"
  partition       = "aws"
  catalogues      = { ewm = "tests/catalogue.yaml" }
}

run "keeps_protects_and_uploads" {
  command = plan

  assert {
    condition     = length(aws_s3_bucket_lifecycle_configuration.landing) + length(aws_s3_bucket_lifecycle_configuration.artifacts) == 0
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
      for bucket in ["landing", "artifacts"] :
      aws_s3_bucket_versioning.this[bucket].versioning_configuration[0].status == "Enabled" &&
      aws_s3_bucket_ownership_controls.this[bucket].rule[0].object_ownership == "BucketOwnerEnforced" &&
      aws_s3_bucket_public_access_block.this[bucket].restrict_public_buckets &&
      jsondecode(aws_s3_bucket_policy.this[bucket].policy).Statement[0].Effect == "Deny"
    ])
    error_message = "Both buckets are versioned, owned, private, and refuse plain HTTP."
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
    retention_days = 30
  }

  assert {
    condition = sort([
      for rule in aws_s3_bucket_lifecycle_configuration.landing[0].rule :
      "${rule.id} ${one(rule.expiration[*].days)}" if length(rule.expiration) > 0
    ]) == tolist(["expire-landing 30", "expire-load 30", "expire-runs 30"])
    error_message = "landing, load and runs expire; catalogues, which schedules name, never do."
  }

  assert {
    condition = alltrue([
      for lifecycle in [aws_s3_bucket_lifecycle_configuration.landing[0], aws_s3_bucket_lifecycle_configuration.artifacts[0]] :
      contains(flatten(lifecycle.rule[*].abort_incomplete_multipart_upload[*].days_after_initiation), 1)
    ])
    error_message = "Parts of uploads that were broken off are billed and seen by nobody."
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
    retention_days = 30
    raw_days       = { "ewm/work_items" = 31, "ecb/reference_rates" = 30 }
  }

  expect_failures = [var.raw_days]
}

run "refuses_a_retention_that_redrive_outlives_and_a_name_that_s3_refuses" {
  command = plan

  variables {
    retention_days = 14
    landing_bucket = "xmlift-${join("", [for _ in range(60) : "x"])}"
  }

  expect_failures = [var.retention_days, var.landing_bucket]
}
