# The least network that aws-rancher-cluster can be tried in: a VPC, a private subnet in each zone, and the nodes' security group.
# Nothing here reaches the internet: for that, and for anything that lasts, use deploy/foundation.

locals {
  # A zone's addresses go by its letter, so that adding a zone moves no other.
  subnets = { for zone in var.zones : zone => cidrsubnet(var.cidr, 3, index(["a", "b", "c", "d", "e", "f"], zone)) }
}

resource "aws_vpc" "this" {
  cidr_block           = var.cidr
  enable_dns_support   = true
  enable_dns_hostnames = true

  tags = { Name = var.name }
}

resource "aws_subnet" "private" {
  for_each = local.subnets

  vpc_id                  = aws_vpc.this.id
  availability_zone       = "${var.region}${each.key}"
  cidr_block              = each.value
  map_public_ip_on_launch = false

  tags = {
    Name                              = "${var.name}-private-${each.key}"
    "kubernetes.io/role/internal-elb" = "1"
  }
}

# Rancher's driver finds it by its name, and adds no rule to it.
resource "aws_security_group" "nodes" {
  name        = "${var.name}-nodes"
  description = "Nodes of clusters that kaas makes"
  vpc_id      = aws_vpc.this.id

  tags = { Name = "${var.name}-nodes" }
}

resource "aws_vpc_security_group_ingress_rule" "among_nodes" {
  security_group_id            = aws_security_group.nodes.id
  description                  = "Everything among nodes"
  ip_protocol                  = "-1"
  referenced_security_group_id = aws_security_group.nodes.id
}

resource "aws_vpc_security_group_egress_rule" "out" {
  security_group_id = aws_security_group.nodes.id
  description       = "Rancher, registries, time"
  ip_protocol       = "-1"
  cidr_ipv4         = "0.0.0.0/0"
}
