# Written by kaas for change 42, asked by alice. Ask kaas to alter it: a hand edit voids its approvals.
terraform {
  required_version = ">= 1.5"
  required_providers {
    rancher2 = {
      source  = "rancher/rancher2"
      version = "~> 14.1"
    }
  }
  backend "s3" {
    bucket       = "acme-kaas-state"
    key          = "clusters/crucial-sandbox.tfstate"
    region       = "eu-west-1"
    use_lockfile = true
  }
}

data "terraform_remote_state" "main" {
  backend = "s3"
  config = {
    bucket = "acme-kaas-state"
    key    = "foundation.tfstate"
    region = "eu-west-1"
  }
}

module "crucial-sandbox" {
  source                   = "../../modules/aws-rancher-cluster"
  name                     = "crucial-sandbox"
  vpc_id                   = data.terraform_remote_state.main.outputs.vpc_id
  public_subnet_ids        = data.terraform_remote_state.main.outputs.public_subnet_ids
  private_subnet_ids       = data.terraform_remote_state.main.outputs.private_subnet_ids
  instance_type            = "m6i.large"
  worker_num               = 3
  ami                      = "ami-0c1ad2b7e6a01f3d9"
  cloud_credential_name    = "acme-aws"
  node_security_group_name = data.terraform_remote_state.main.outputs.node_security_group_name
  zones                    = ["a", "b", "c"]
  region                   = "eu-west-1"
  kubernetes_version       = "v1.33.5+rke2r1"
  control_plane_num        = 1
  request_id               = "42"
  owner                    = "alice"
}

output "cluster_id" {
  value = module.crucial-sandbox.cluster_id
}

output "cluster_name" {
  value = module.crucial-sandbox.cluster_name
}
