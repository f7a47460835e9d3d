# The network, against a mocked AWS: no account, no credentials. Needs terraform 1.7.

mock_provider "aws" {
  mock_data "aws_availability_zones" {
    defaults = {
      names = ["eu-west-1a", "eu-west-1b", "eu-west-1c"]
    }
  }
}

variables {
  region        = "eu-west-1"
  rancher_cidrs = ["10.20.0.0/24"]
}

run "three_zones" {
  assert {
    condition     = keys(aws_subnet.private) == ["a", "b", "c"] && keys(aws_subnet.public) == ["a", "b", "c"]
    error_message = "There is not one private and one public subnet in each zone."
  }

  assert {
    condition     = alltrue([for zone in ["a", "b", "c"] : aws_subnet.private[zone].availability_zone == "eu-west-1${zone}" && aws_subnet.public[zone].availability_zone == "eu-west-1${zone}"])
    error_message = "A subnet is not in the zone of its letter."
  }

  assert {
    condition     = [for zone in ["a", "b", "c"] : aws_subnet.private[zone].cidr_block] == ["10.64.0.0/19", "10.64.32.0/19", "10.64.64.0/19"]
    error_message = "The private subnets have other addresses; a change of them replaces what exists."
  }

  assert {
    condition     = [for zone in ["a", "b", "c"] : aws_subnet.public[zone].cidr_block] == ["10.64.224.0/22", "10.64.228.0/22", "10.64.232.0/22"]
    error_message = "The public subnets have other addresses; a change of them replaces what exists."
  }

  assert {
    condition     = alltrue([for subnet in concat(values(aws_subnet.private), values(aws_subnet.public)) : subnet.map_public_ip_on_launch == false])
    error_message = "A subnet gives public addresses to what is started in it."
  }

  assert {
    condition     = alltrue([for zone, subnet in aws_subnet.private : aws_route_table_association.private[zone].subnet_id == subnet.id && aws_route_table_association.private[zone].route_table_id == aws_route_table.private[zone].id])
    error_message = "A private subnet has not the table of its zone."
  }

  assert {
    condition     = alltrue([for route in values(aws_route.nat) : route.gateway_id == null || route.gateway_id != aws_internet_gateway.this.id])
    error_message = "A private subnet is reached from the internet."
  }

  assert {
    condition     = keys(aws_nat_gateway.this) == ["a"] && alltrue([for route in values(aws_route.nat) : route.nat_gateway_id == aws_nat_gateway.this["a"].id])
    error_message = "The zones do not share the NAT gateway of the first."
  }

  assert {
    condition     = aws_nat_gateway.this["a"].subnet_id == aws_subnet.public["a"].id && aws_nat_gateway.this["a"].allocation_id == aws_eip.nat["a"].id
    error_message = "The NAT gateway is not in the public subnet, with the address that is told."
  }

  assert {
    condition     = aws_vpc_endpoint.s3.vpc_endpoint_type == "Gateway" && aws_vpc_endpoint.s3.service_name == "com.amazonaws.eu-west-1.s3" && toset(aws_vpc_endpoint.s3.route_table_ids) == toset(concat([aws_route_table.public.id], [for table in values(aws_route_table.private) : table.id]))
    error_message = "A route table goes without the gateway endpoint of S3."
  }

  assert {
    condition     = length(aws_flow_log.this) == 0
    error_message = "There are flow logs, and nobody said where to."
  }

  # Outputs: what clusters read.
  assert {
    condition     = output.vpc_id == aws_vpc.this.id && output.region == "eu-west-1"
    error_message = "vpc_id or region is not what was made."
  }

  assert {
    condition     = output.private_subnet_ids == [for zone in ["a", "b", "c"] : aws_subnet.private[zone].id]
    error_message = "private_subnet_ids is not one subnet a zone, in the order of zones."
  }

  assert {
    condition     = output.public_subnet_ids == [for zone in ["a", "b", "c"] : aws_subnet.public[zone].id]
    error_message = "public_subnet_ids is not one subnet a zone, in the order of zones."
  }

  assert {
    condition     = output.zones == tolist(["a", "b", "c"]) && output.availability_zones == ["eu-west-1a", "eu-west-1b", "eu-west-1c"]
    error_message = "zones and availability_zones are not those that were asked for."
  }

  assert {
    condition     = output.nat_public_ips == [aws_eip.nat["a"].public_ip]
    error_message = "nat_public_ips is not the one address that nodes come from."
  }
}

run "two_zones_each_with_its_own_nat" {
  variables {
    zones        = ["c", "a"]
    nat_gateways = "per-zone"
    cidr         = "172.20.16.0/20"
  }

  assert {
    condition     = keys(aws_nat_gateway.this) == ["a", "c"] && alltrue([for zone, route in aws_route.nat : route.nat_gateway_id == aws_nat_gateway.this[zone].id])
    error_message = "A zone does not go out through its own NAT gateway."
  }

  assert {
    condition     = { for zone, subnet in aws_subnet.private : zone => subnet.cidr_block } == { a = "172.20.16.0/23", c = "172.20.20.0/23" }
    error_message = "The addresses of a zone do not go by its letter."
  }

  assert {
    condition     = output.private_subnet_ids == [aws_subnet.private["c"].id, aws_subnet.private["a"].id] && output.zones == tolist(["c", "a"])
    error_message = "The outputs are not in the order of zones, by which clusters pair them."
  }

  assert {
    condition     = output.nat_public_ips == [aws_eip.nat["c"].public_ip, aws_eip.nat["a"].public_ip]
    error_message = "nat_public_ips is not all addresses that nodes come from."
  }
}

run "one_zone_with_flow_logs" {
  variables {
    zones               = ["b"]
    flow_log_bucket_arn = "arn:aws:s3:::acme-flow-logs/kaas/"
  }

  assert {
    condition     = keys(aws_subnet.private) == ["b"] && keys(aws_nat_gateway.this) == ["b"]
    error_message = "One zone is not one subnet and one NAT gateway."
  }

  assert {
    condition     = one(aws_flow_log.this).log_destination == "arn:aws:s3:::acme-flow-logs/kaas/" && one(aws_flow_log.this).traffic_type == "ALL"
    error_message = "Flow logs do not go where they were told to."
  }
}

run "a_zone_that_the_account_lacks" {
  command = plan

  override_data {
    target = data.aws_availability_zones.here
    values = {
      names = ["eu-west-1a", "eu-west-1b"]
    }
  }

  expect_failures = [aws_vpc.this]
}
