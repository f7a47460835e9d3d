output "cluster_id" {
  description = "Rancher's id of the cluster (c-m-…): what its API, its pages and role bindings go by."
  value       = rancher2_cluster_v2.this.cluster_v1_id
}

output "cluster_name" {
  description = "Name of the cluster in Rancher."
  value       = rancher2_cluster_v2.this.name
}

output "public_subnet_ids" {
  description = "Subnets for the cluster's load balancers, as given."
  value       = var.public_subnet_ids
}
