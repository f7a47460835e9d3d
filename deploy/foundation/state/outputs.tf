output "bucket" {
  description = "Name of the bucket: render.backend.bucket and render.foundation.bucket in kaas.toml."
  value       = aws_s3_bucket.states.bucket

  # Whoever reads this may write states: not before the bucket is closed.
  depends_on = [
    aws_s3_bucket_public_access_block.states,
    aws_s3_bucket_policy.states,
    aws_s3_bucket_server_side_encryption_configuration.states,
    aws_s3_bucket_versioning.states,
  ]
}

output "bucket_arn" {
  description = "ARN of the bucket."
  value       = local.bucket_arn
}

output "runner_policy" {
  description = "IAM policy document for kaas' runner, as JSON: list the bucket, read and write and lock the clusters' states, read the foundation's."
  value       = jsonencode(local.runner_policy)
}

output "backend_hcl" {
  description = "What the foundation's init is told with -backend-config."
  value       = local.backend_hcl
}
