variable "bucket" {
  description = "Name of the bucket for terraform's states. Nobody in the world may have one of the same name."
  type        = string
  nullable    = false

  # No dots: they break the certificate of the bucket's own host name.
  validation {
    condition     = can(regex("^[a-z0-9][a-z0-9-]{1,61}[a-z0-9]$", var.bucket))
    error_message = "bucket takes 3 to 63 lower-case letters, digits and hyphens; it begins and ends with a letter or digit."
  }
}

variable "region" {
  description = "AWS region of the bucket."
  type        = string
  nullable    = false

  validation {
    condition     = can(regex("^[a-z]{2}(-[a-z]+)+-[0-9]$", var.region))
    error_message = "region takes the name of an AWS region, such as eu-west-1."
  }
}

variable "tags" {
  description = "Tags for everything that is made here."
  type        = map(string)
  default     = {}
  nullable    = false

  validation {
    condition     = alltrue([for key in keys(var.tags) : !startswith(lower(key), "aws:")])
    error_message = "tags must not begin with aws:, which AWS keeps to itself."
  }
}

variable "clusters_prefix" {
  description = "Where kaas keeps the clusters' states in the bucket: render.backend.prefix in kaas.toml."
  type        = string
  default     = "clusters/"
  nullable    = false

  validation {
    condition     = can(regex("^([A-Za-z0-9][A-Za-z0-9._-]*/)+$", var.clusters_prefix))
    error_message = "clusters_prefix takes a path of letters, digits, dots, underscores and hyphens that ends with a slash, such as clusters/."
  }
}

variable "foundation_key" {
  description = "Key of the foundation's state in the bucket: render.foundation.key in kaas.toml. kaas reads it and never writes it."
  type        = string
  default     = "foundation.tfstate"
  nullable    = false

  validation {
    condition     = can(regex("^([A-Za-z0-9][A-Za-z0-9._-]*/)*[A-Za-z0-9][A-Za-z0-9._-]*\\.tfstate$", var.foundation_key))
    error_message = "foundation_key takes the key of a state, such as foundation.tfstate."
  }
}

variable "kms_key_arn" {
  description = "KMS key that encrypts the states, by ARN; S3's own keys when null. With a key of your own, reading a state takes leave of the bucket and of the key, and each use is in CloudTrail."
  type        = string
  default     = null

  validation {
    condition     = var.kms_key_arn == null || can(regex("^arn:aws[a-z-]*:kms:[a-z0-9-]+:[0-9]{12}:key/[A-Za-z0-9-]+$", var.kms_key_arn))
    error_message = "kms_key_arn takes the ARN of a KMS key, not of an alias: policies do not see through aliases."
  }
}

variable "keep_versions_days" {
  description = "How long overwritten states are kept, in days."
  type        = number
  default     = 90
  nullable    = false

  validation {
    condition     = var.keep_versions_days >= 7 && var.keep_versions_days <= 3650 && floor(var.keep_versions_days) == var.keep_versions_days
    error_message = "keep_versions_days takes a whole number of days from 7 to 3650."
  }
}

variable "access_log_bucket" {
  description = "Bucket for the log of who read and wrote states, by name, in the same region; none when null."
  type        = string
  default     = null

  validation {
    condition     = var.access_log_bucket == null || can(regex("^[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]$", var.access_log_bucket))
    error_message = "access_log_bucket takes the name of an S3 bucket."
  }
}
