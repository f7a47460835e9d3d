terraform {
  required_version = ">= 1.5"

  required_providers {
    aws = {
      source  = "hashicorp/aws"
      version = "~> 5.100"
    }
  }

  # Where this state lives is told to init: terraform init -backend-config=backend.hcl. See README.md.
  backend "s3" {}
}

provider "aws" {
  region = var.region

  default_tags {
    tags = var.tags
  }

  # What load balancer controllers of clusters write on subnets is theirs.
  ignore_tags {
    key_prefixes = ["kubernetes.io/cluster/"]
  }
}
