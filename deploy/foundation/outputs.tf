# What clusters read as data.terraform_remote_state.main.outputs. A class of kaas names them in its table `foundation`.

output "vpc_id" {
  description = "VPC of the nodes."
  value       = aws_vpc.this.id
}

output "private_subnet_ids" {
  description = "Subnets of the nodes, one a zone, in the order of zones."
  value       = [for zone in var.zones : aws_subnet.private[zone].id]

  # A cluster that is planned with the subnets must find the way out as well.
  depends_on = [aws_route.nat, aws_route_table_association.private]
}

output "public_subnet_ids" {
  description = "Subnets for load balancers, one a zone, in the order of zones."
  value       = [for zone in var.zones : aws_subnet.public[zone].id]

  depends_on = [aws_route.internet, aws_route_table_association.public]
}

output "zones" {
  description = "Letters of the availability zones, as modules/aws-rancher-cluster takes them."
  value       = var.zones
}

output "availability_zones" {
  description = "Names of the availability zones, in the order of zones."
  value       = [for zone in var.zones : local.availability_zones[zone]]
}

output "region" {
  description = "AWS region of all of it. The classes that use this foundation offer it and no other."
  value       = var.region
}

output "node_security_group_name" {
  description = "Security group of the nodes, by the name under which Rancher finds it."
  value       = aws_security_group.nodes.name

  depends_on = [
    aws_vpc_security_group_ingress_rule.nodes,
    aws_vpc_security_group_ingress_rule.rancher,
    aws_vpc_security_group_egress_rule.nodes,
    aws_vpc_security_group_egress_rule.outside,
  ]
}

output "node_security_group_id" {
  description = "The same group by its id, for rules of other groups. Rancher's driver does not find ids."
  value       = aws_security_group.nodes.id
}

output "nat_public_ips" {
  description = "Public addresses that nodes come from: for the allow-lists of Rancher and of registries."
  value       = [for zone in var.zones : aws_eip.nat[zone].public_ip if contains(local.nat_zones, zone)]
}
