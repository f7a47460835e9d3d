# The bucket for states and what kaas' runner may do, against a mocked AWS. Plans only: the bucket refuses to be destroyed.

mock_provider "aws" {
  mock_data "aws_partition" {
    defaults = {
      partition = "aws"
    }
  }
}

variables {
  bucket = "acme-kaas-state"
  region = "eu-west-1"
}

run "as_it_comes" {
  command = plan

  assert {
    condition     = aws_s3_bucket_public_access_block.states.block_public_acls && aws_s3_bucket_public_access_block.states.block_public_policy && aws_s3_bucket_public_access_block.states.ignore_public_acls && aws_s3_bucket_public_access_block.states.restrict_public_buckets
    error_message = "The bucket does not block all public access."
  }

  assert {
    condition     = one(aws_s3_bucket_versioning.states.versioning_configuration).status == "Enabled"
    error_message = "Overwritten states are lost."
  }

  assert {
    condition     = one(one(aws_s3_bucket_server_side_encryption_configuration.states.rule).apply_server_side_encryption_by_default).sse_algorithm == "AES256"
    error_message = "States are not encrypted."
  }

  assert {
    condition     = one(aws_s3_bucket_ownership_controls.states.rule).object_ownership == "BucketOwnerEnforced"
    error_message = "ACLs have a say."
  }

  assert {
    condition = anytrue([for statement in jsondecode(aws_s3_bucket_policy.states.policy).Statement :
      statement.Effect == "Deny" && statement.Principal == "*" && statement.Action == "s3:*"
      && toset(statement.Resource) == toset(["arn:aws:s3:::acme-kaas-state", "arn:aws:s3:::acme-kaas-state/*"])
      && try(statement.Condition.Bool["aws:SecureTransport"], "") == "false"
    ])
    error_message = "The bucket takes requests without TLS."
  }

  assert {
    condition     = alltrue([for statement in jsondecode(aws_s3_bucket_policy.states.policy).Statement : statement.Effect == "Deny"])
    error_message = "The bucket's policy allows somebody something: that is the runner's policy to do."
  }

  assert {
    condition     = length(aws_s3_bucket_logging.states) == 0
    error_message = "Reads are logged, and nobody said where to."
  }

  assert {
    condition = { for statement in jsondecode(output.runner_policy).Statement : statement.Sid => { actions = statement.Action, on = statement.Resource } } == {
      ListStates           = { actions = ["s3:ListBucket"], on = ["arn:aws:s3:::acme-kaas-state"] }
      ReadAndWriteClusters = { actions = ["s3:GetObject", "s3:PutObject"], on = ["arn:aws:s3:::acme-kaas-state/clusters/*.tfstate"] }
      LockClusters         = { actions = ["s3:GetObject", "s3:PutObject", "s3:DeleteObject"], on = ["arn:aws:s3:::acme-kaas-state/clusters/*.tfstate.tflock"] }
      ReadFoundation       = { actions = ["s3:GetObject"], on = ["arn:aws:s3:::acme-kaas-state/foundation.tfstate"] }
    }
    error_message = "The runner's policy is not exactly what terraform's backend needs."
  }

  assert {
    condition     = output.bucket == "acme-kaas-state" && output.bucket_arn == "arn:aws:s3:::acme-kaas-state"
    error_message = "The outputs do not tell the bucket that was made."
  }

  assert {
    condition     = output.backend_hcl == <<-EOT
      bucket       = "acme-kaas-state"
      key          = "foundation.tfstate"
      region       = "eu-west-1"
      encrypt      = true
      use_lockfile = true
    EOT
    error_message = "backend_hcl is not what the foundation's init takes."
  }
}

run "with_a_key_and_a_log" {
  command = plan

  variables {
    kms_key_arn       = "arn:aws:kms:eu-west-1:123456789012:key/6f1d1c6e-8f0e-4c62-9d2b-6a1d1f0c3b7a"
    access_log_bucket = "acme-access-logs"
    clusters_prefix   = "acme/clusters/"
    foundation_key    = "acme/main.tfstate"
  }

  assert {
    condition     = one(one(aws_s3_bucket_server_side_encryption_configuration.states.rule).apply_server_side_encryption_by_default).kms_master_key_id == var.kms_key_arn && one(aws_s3_bucket_server_side_encryption_configuration.states.rule).bucket_key_enabled
    error_message = "States are not encrypted with the key."
  }

  assert {
    condition     = [for statement in jsondecode(output.runner_policy).Statement : statement.Resource if statement.Sid == "UseTheKey"] == [[var.kms_key_arn]]
    error_message = "The runner may not use the key, or others as well."
  }

  assert {
    condition     = [for statement in jsondecode(output.runner_policy).Statement : statement.Resource[0] if statement.Sid == "ReadAndWriteClusters"] == ["arn:aws:s3:::acme-kaas-state/acme/clusters/*.tfstate"]
    error_message = "The runner writes elsewhere than under the prefix."
  }

  assert {
    condition     = one(aws_s3_bucket_logging.states).target_bucket == "acme-access-logs"
    error_message = "Reads are not logged where they were told to."
  }

  assert {
    condition     = strcontains(output.backend_hcl, "key          = \"acme/main.tfstate\"\n") && strcontains(output.backend_hcl, "kms_key_id   = \"${var.kms_key_arn}\"\n")
    error_message = "backend_hcl leaves out the key of the state or of its encryption."
  }
}

run "a_foundation_that_kaas_could_overwrite" {
  command = plan

  variables {
    foundation_key = "clusters/foundation.tfstate"
  }

  expect_failures = [aws_s3_bucket.states]
}
