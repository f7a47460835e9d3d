# The network: a VPC, and in each zone a public subnet for load balancers and a private one for nodes.

data "aws_availability_zones" "here" {
  state = "available"

  # No Local Zones and no Wavelength: their names do not end in one letter.
  filter {
    name   = "opt-in-status"
    values = ["opt-in-not-required"]
  }
}

locals {
  availability_zones = { for zone in var.zones : zone => "${var.region}${zone}" }

  # A zone's addresses go by its letter, not by its place in the list: eighths for the private subnets of a to f, and the
  # public ones share the last eighth. The seventh eighth is spare.
  slot          = { for zone in var.zones : zone => index(["a", "b", "c", "d", "e", "f"], zone) }
  private_cidrs = { for zone in var.zones : zone => cidrsubnet(var.cidr, 3, local.slot[zone]) }
  public_cidrs  = { for zone in var.zones : zone => cidrsubnet(cidrsubnet(var.cidr, 3, 7), 3, local.slot[zone]) }

  nat_zones = toset(var.nat_gateways == "per-zone" ? var.zones : slice(var.zones, 0, 1))
}

resource "aws_vpc" "this" {
  cidr_block           = var.cidr
  enable_dns_support   = true
  enable_dns_hostnames = true

  tags = { Name = var.name }

  lifecycle {
    precondition {
      condition     = length(setsubtract(values(local.availability_zones), data.aws_availability_zones.here.names)) == 0
      error_message = "This account has no ${join(", ", setsubtract(values(local.availability_zones), data.aws_availability_zones.here.names))} in ${var.region}; it has ${join(", ", data.aws_availability_zones.here.names)}."
    }
  }
}

# A VPC's own group lets everything in it talk to everything. Taken over without rules, it lets nothing.
resource "aws_default_security_group" "closed" {
  vpc_id = aws_vpc.this.id

  tags = { Name = "${var.name}-default-closed" }
}

resource "aws_internet_gateway" "this" {
  vpc_id = aws_vpc.this.id

  tags = { Name = var.name }
}

# Public: load balancers and NAT gateways.

resource "aws_subnet" "public" {
  for_each = local.availability_zones

  vpc_id                  = aws_vpc.this.id
  availability_zone       = each.value
  cidr_block              = local.public_cidrs[each.key]
  map_public_ip_on_launch = false

  tags = {
    Name                     = "${var.name}-public-${each.key}"
    "kubernetes.io/role/elb" = "1"
  }
}

resource "aws_route_table" "public" {
  vpc_id = aws_vpc.this.id

  tags = { Name = "${var.name}-public" }
}

resource "aws_route" "internet" {
  route_table_id         = aws_route_table.public.id
  destination_cidr_block = "0.0.0.0/0"
  gateway_id             = aws_internet_gateway.this.id
}

resource "aws_route_table_association" "public" {
  for_each = aws_subnet.public

  subnet_id      = each.value.id
  route_table_id = aws_route_table.public.id
}

resource "aws_eip" "nat" {
  for_each = local.nat_zones

  domain = "vpc"

  tags = { Name = "${var.name}-nat-${each.key}" }

  depends_on = [aws_internet_gateway.this]
}

resource "aws_nat_gateway" "this" {
  for_each = local.nat_zones

  allocation_id = aws_eip.nat[each.key].id
  subnet_id     = aws_subnet.public[each.key].id

  tags = { Name = "${var.name}-${each.key}" }

  depends_on = [aws_route.internet]
}

# Private: nodes. Each zone has its own table, so that it can have its own NAT gateway, or later its own way to Rancher.

resource "aws_subnet" "private" {
  for_each = local.availability_zones

  vpc_id                  = aws_vpc.this.id
  availability_zone       = each.value
  cidr_block              = local.private_cidrs[each.key]
  map_public_ip_on_launch = false

  tags = {
    Name                              = "${var.name}-private-${each.key}"
    "kubernetes.io/role/internal-elb" = "1"
  }
}

resource "aws_route_table" "private" {
  for_each = local.availability_zones

  vpc_id = aws_vpc.this.id

  tags = { Name = "${var.name}-private-${each.key}" }
}

resource "aws_route" "nat" {
  for_each = local.availability_zones

  route_table_id         = aws_route_table.private[each.key].id
  destination_cidr_block = "0.0.0.0/0"
  nat_gateway_id         = aws_nat_gateway.this[var.nat_gateways == "per-zone" ? each.key : var.zones[0]].id
}

resource "aws_route_table_association" "private" {
  for_each = aws_subnet.private

  subnet_id      = each.value.id
  route_table_id = aws_route_table.private[each.key].id
}

# S3 without the NAT gateway: free of charge, where layers of images and snapshots of etcd would be paid by the gigabyte.
resource "aws_vpc_endpoint" "s3" {
  vpc_id            = aws_vpc.this.id
  service_name      = "com.amazonaws.${var.region}.s3"
  vpc_endpoint_type = "Gateway"
  route_table_ids   = concat([aws_route_table.public.id], [for zone in var.zones : aws_route_table.private[zone].id])

  tags = { Name = "${var.name}-s3" }
}

resource "aws_flow_log" "this" {
  count = var.flow_log_bucket_arn == null ? 0 : 1

  vpc_id               = aws_vpc.this.id
  traffic_type         = "ALL"
  log_destination_type = "s3"
  log_destination      = var.flow_log_bucket_arn

  tags = { Name = var.name }
}
