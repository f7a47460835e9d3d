terraform {
  required_version = ">= 1.5"

  required_providers {
    aws = {
      source  = "hashicorp/aws"
      version = "~> 5.100"
    }
  }

  # No backend: the bucket is not there yet. Once it is, backend.tf.example moves this state into it. See ../README.md.
}

provider "aws" {
  region = var.region

  default_tags {
    tags = var.tags
  }
}
