# The bucket for terraform's states: kaas' clusters, the foundation, and in the end this state itself. The states of clusters
# hold their kubeconfigs, so few may read it.

data "aws_partition" "here" {}

locals {
  bucket_arn = "arn:${data.aws_partition.here.partition}:s3:::${var.bucket}"
}

resource "aws_s3_bucket" "states" {
  bucket = var.bucket

  # With it would go what terraform knows about every cluster.
  lifecycle {
    prevent_destroy = true

    precondition {
      condition     = !startswith(var.foundation_key, var.clusters_prefix)
      error_message = "foundation_key ${var.foundation_key} lies under clusters_prefix ${var.clusters_prefix}, where kaas may write."
    }
  }
}

resource "aws_s3_bucket_public_access_block" "states" {
  bucket = aws_s3_bucket.states.id

  block_public_acls       = true
  block_public_policy     = true
  ignore_public_acls      = true
  restrict_public_buckets = true
}

resource "aws_s3_bucket_ownership_controls" "states" {
  bucket = aws_s3_bucket.states.id

  rule {
    object_ownership = "BucketOwnerEnforced"
  }
}

resource "aws_s3_bucket_versioning" "states" {
  bucket = aws_s3_bucket.states.id

  versioning_configuration {
    status = "Enabled"
  }
}

resource "aws_s3_bucket_server_side_encryption_configuration" "states" {
  bucket = aws_s3_bucket.states.id

  rule {
    bucket_key_enabled = var.kms_key_arn != null

    apply_server_side_encryption_by_default {
      sse_algorithm     = var.kms_key_arn == null ? "AES256" : "aws:kms"
      kms_master_key_id = var.kms_key_arn
    }
  }
}

# Each run leaves an old state and a lock that was let go, which are kept as versions.
resource "aws_s3_bucket_lifecycle_configuration" "states" {
  bucket = aws_s3_bucket.states.id

  rule {
    id     = "old-versions"
    status = "Enabled"

    filter {}

    noncurrent_version_expiration {
      noncurrent_days = var.keep_versions_days
    }

    expiration {
      expired_object_delete_marker = true
    }

    abort_incomplete_multipart_upload {
      days_after_initiation = 7
    }
  }

  depends_on = [aws_s3_bucket_versioning.states]
}

resource "aws_s3_bucket_policy" "states" {
  bucket = aws_s3_bucket.states.id

  policy = jsonencode({
    Version = "2012-10-17"
    Statement = [
      {
        Sid       = "NothingWithoutTls"
        Effect    = "Deny"
        Principal = "*"
        Action    = "s3:*"
        Resource  = [local.bucket_arn, "${local.bucket_arn}/*"]
        Condition = { Bool = { "aws:SecureTransport" = "false" } }
      },
      {
        Sid       = "NothingWithOldTls"
        Effect    = "Deny"
        Principal = "*"
        Action    = "s3:*"
        Resource  = [local.bucket_arn, "${local.bucket_arn}/*"]
        Condition = { NumericLessThan = { "s3:TlsVersion" = "1.2" } }
      },
    ]
  })

  # S3 refuses a policy while it is settling who may have one.
  depends_on = [aws_s3_bucket_public_access_block.states]
}

resource "aws_s3_bucket_logging" "states" {
  count = var.access_log_bucket == null ? 0 : 1

  bucket        = aws_s3_bucket.states.id
  target_bucket = var.access_log_bucket
  target_prefix = "${var.bucket}/"
}

# What kaas' runner may do: everything terraform's s3 backend asks for with use_lockfile, and nothing else.
locals {
  runner_policy = {
    Version = "2012-10-17"
    Statement = concat(
      [
        {
          # On the whole bucket: terraform lists workspaces, and S3 says "no such key" of a new cluster's state, rather than
          # "access denied", only to those who may list without a condition. It shows names, no contents.
          Sid      = "ListStates"
          Effect   = "Allow"
          Action   = ["s3:ListBucket"]
          Resource = [local.bucket_arn]
        },
        {
          Sid      = "ReadAndWriteClusters"
          Effect   = "Allow"
          Action   = ["s3:GetObject", "s3:PutObject"]
          Resource = ["${local.bucket_arn}/${var.clusters_prefix}*.tfstate"]
        },
        {
          Sid      = "LockClusters"
          Effect   = "Allow"
          Action   = ["s3:GetObject", "s3:PutObject", "s3:DeleteObject"]
          Resource = ["${local.bucket_arn}/${var.clusters_prefix}*.tfstate.tflock"]
        },
        {
          Sid      = "ReadFoundation"
          Effect   = "Allow"
          Action   = ["s3:GetObject"]
          Resource = ["${local.bucket_arn}/${var.foundation_key}"]
        },
      ],
      [for key in var.kms_key_arn == null ? [] : [var.kms_key_arn] : {
        Sid      = "UseTheKey"
        Effect   = "Allow"
        Action   = ["kms:Decrypt", "kms:GenerateDataKey"]
        Resource = [key]
      }],
    )
  }

  backend_hcl = join("\n", concat(
    [
      "bucket       = ${jsonencode(var.bucket)}",
      "key          = ${jsonencode(var.foundation_key)}",
      "region       = ${jsonencode(var.region)}",
      "encrypt      = true",
      "use_lockfile = true",
    ],
    [for key in var.kms_key_arn == null ? [] : [var.kms_key_arn] : "kms_key_id   = ${jsonencode(key)}"],
    [""],
  ))
}
