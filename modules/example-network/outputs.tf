# Named as the inputs of aws-rancher-cluster that they are for.

output "vpc_id" {
  description = "The network."
  value       = aws_vpc.this.id
}

output "private_subnet_ids" {
  description = "A private subnet a zone, in the order of zones."
  value       = [for zone in var.zones : aws_subnet.private[zone].id]
}

output "zones" {
  description = "The letters of the zones, in the same order."
  value       = var.zones
}

output "node_security_group_name" {
  description = "The nodes' security group, by its name."
  value       = aws_security_group.nodes.name
}
