# The names are known before anything exists, so that a plan shows every policy and setting that uses them;
# depends_on makes whoever reads them wait until the buckets are there and protected.

output "landing_bucket" {
  description = "Name of the landing bucket."
  value       = var.landing_bucket
  depends_on  = [aws_s3_bucket_policy.this, aws_s3_bucket_versioning.this]
}

output "landing_bucket_id" {
  description = "Id of the landing bucket: its name once it is there, unknown while it is to be replaced."
  value       = aws_s3_bucket.this["landing"].id
}

output "artifact_bucket" {
  description = "Name of the bucket of the functions' packages."
  value       = var.artifact_bucket
  depends_on  = [aws_s3_bucket_policy.this, aws_s3_bucket_versioning.this]
}

output "log_bucket" {
  description = "Name of the bucket of access logs and flow logs."
  value       = var.log_bucket
  depends_on  = [aws_s3_bucket_policy.this]
}

output "catalogue_keys" {
  description = "Key of each source's catalogue in the landing bucket: source name => key."
  value       = local.catalogue_keys
  depends_on  = [aws_s3_object.catalogue]
}
