# What it is.

variable "name" {
  description = "What everything here is called after: the VPC, its subnets, and by default the security group of the nodes."
  type        = string
  default     = "kaas"
  nullable    = false

  validation {
    condition     = can(regex("^[a-z][a-z0-9-]{0,30}[a-z0-9]$", var.name))
    error_message = "name takes 2 to 32 lower-case letters, digits and hyphens; it begins with a letter and does not end with a hyphen."
  }
}

variable "tags" {
  description = "Tags for everything that is made here."
  type        = map(string)
  default     = {}
  nullable    = false

  validation {
    condition     = alltrue([for key in keys(var.tags) : key != "Name" && !can(regex("^(aws:|kubernetes\\.io/)", lower(key)))])
    error_message = "tags must not set Name nor begin with aws: or kubernetes.io/, which are set by this configuration and by AWS."
  }
}

# Where it is.

variable "region" {
  description = "AWS region. Classes of kaas that use this foundation offer this region only."
  type        = string
  nullable    = false

  validation {
    condition     = can(regex("^[a-z]{2}(-[a-z]+)+-[0-9]$", var.region))
    error_message = "region takes the name of an AWS region, such as eu-west-1."
  }
}

variable "zones" {
  description = "Letters of one to three availability zones. A subnet's addresses go by its letter, so one more zone at the end moves nothing; the order is that of the outputs, and of clusters' pools."
  type        = list(string)
  default     = ["a", "b", "c"]
  nullable    = false

  validation {
    condition     = length(var.zones) >= 1 && length(var.zones) <= 3
    error_message = "zones takes one to three zones."
  }

  validation {
    condition     = alltrue([for zone in var.zones : can(regex("^[a-f]$", zone))]) && length(distinct(var.zones)) == length(var.zones)
    error_message = "zones takes the letters of availability zones, from a to f, each once, such as [\"a\", \"b\", \"c\"]."
  }
}

variable "cidr" {
  description = "Addresses of the VPC, from /16 to /20. A private subnet gets an eighth (8187 nodes' worth of a /16), a public one a sixty-fourth. It must not overlap with what the VPC is connected to, Rancher's network above all."
  type        = string
  default     = "10.64.0.0/16"
  nullable    = false

  validation {
    condition     = can(cidrhost(var.cidr, 0)) && can(regex("^[0-9.]+/(16|17|18|19|20)$", var.cidr))
    error_message = "cidr takes a block of IPv4 addresses from /16 to /20, such as 10.64.0.0/16."
  }

  validation {
    condition     = can(regex("^(10\\.|192\\.168\\.|172\\.(1[6-9]|2[0-9]|3[01])\\.|100\\.(6[4-9]|[7-9][0-9]|1[01][0-9]|12[0-7])\\.)", var.cidr))
    error_message = "cidr takes private addresses: in 10.0.0.0/8, 172.16.0.0/12, 192.168.0.0/16 or 100.64.0.0/10."
  }

  validation {
    condition     = !can(cidrhost(var.cidr, 0)) || try(cidrhost(var.cidr, 0) == split("/", var.cidr)[0], false)
    error_message = "cidr takes the first address of its block: 10.64.0.0/16, not 10.64.1.0/16."
  }

  # RKE2 and K3s give pods 10.42.0.0/16 and services 10.43.0.0/16: an address in both places is reached in one only.
  validation {
    condition     = !can(regex("^10\\.4[23]\\.", var.cidr))
    error_message = "cidr must not lie in 10.42.0.0/16 or 10.43.0.0/16: clusters use them for pods and services."
  }
}

# How it reaches the outside.

variable "nat_gateways" {
  description = "one: all zones share a NAT gateway, and lose the way out with its zone. per-zone: each zone has its own."
  type        = string
  default     = "one"
  nullable    = false

  validation {
    condition     = contains(["one", "per-zone"], var.nat_gateways)
    error_message = "nat_gateways takes one or per-zone."
  }
}

variable "node_egress_cidrs" {
  description = "Where nodes may connect to outside their group: Rancher, registries, package mirrors."
  type        = list(string)
  default     = ["0.0.0.0/0"]
  nullable    = false

  validation {
    condition     = length(var.node_egress_cidrs) > 0 && alltrue([for cidr in var.node_egress_cidrs : can(cidrnetmask(cidr))])
    error_message = "node_egress_cidrs takes at least one block of IPv4 addresses, such as 0.0.0.0/0: a node that reaches no Rancher never joins."
  }
}

variable "node_egress_ports" {
  description = "TCP ports of those connections. 443 is Rancher and the registries; 80 is where the package mirrors of Ubuntu listen."
  type        = list(number)
  default     = [80, 443]
  nullable    = false

  validation {
    condition     = contains(var.node_egress_ports, 443) && alltrue([for port in var.node_egress_ports : port >= 1 && port <= 65535 && floor(port) == port])
    error_message = "node_egress_ports takes ports from 1 to 65535, and 443 has to be one of them: Rancher is reached there."
  }
}

# Who reaches the nodes.

variable "node_security_group_name" {
  description = "Name of the nodes' security group, by which Rancher finds it; <name>-nodes when null."
  type        = string
  default     = null

  validation {
    condition     = var.node_security_group_name == null || can(regex("^[A-Za-z0-9 ._:/()#,@+=&;{}!$*-]{1,255}$", var.node_security_group_name))
    error_message = "node_security_group_name takes 1 to 255 letters, digits, spaces and ._-:/()#,@+=&;{}!$*."
  }

  validation {
    condition     = var.node_security_group_name == null || try(!startswith(var.node_security_group_name, "sg-"), true)
    error_message = "node_security_group_name must not begin with sg-: EC2 keeps that for ids."
  }

  validation {
    condition     = var.node_security_group_name == null || try(lower(var.node_security_group_name) != "rancher-nodes", true)
    error_message = "node_security_group_name must not be rancher-nodes: Rancher opens that group to the world."
  }
}

variable "rancher_cidrs" {
  description = "Where Rancher's connections to nodes come from, as the VPC sees them: its network, over peering, a transit gateway or a VPN. They set a node up by SSH (TCP 22); everything else goes from the node to Rancher."
  type        = list(string)
  nullable    = false

  validation {
    condition     = length(var.rancher_cidrs) > 0 && alltrue([for cidr in var.rancher_cidrs : can(cidrnetmask(cidr))])
    error_message = "rancher_cidrs takes at least one block of IPv4 addresses, such as 10.20.0.0/24: without it no node is ever set up."
  }

  validation {
    condition     = alltrue([for cidr in var.rancher_cidrs : !can(cidrnetmask(cidr)) || try(tonumber(split("/", cidr)[1]) >= 16, false)])
    error_message = "rancher_cidrs must not be wider than /16: name Rancher's own network, not the world's."
  }
}

variable "cnis" {
  description = "Network plugins of the clusters; each opens its ports among the nodes. cilium is what modules/aws-rancher-cluster gives RKE2, flannel is what K3s brings."
  type        = set(string)
  default     = ["cilium", "flannel"]
  nullable    = false

  validation {
    condition     = length(var.cnis) > 0 && alltrue([for cni in var.cnis : contains(["cilium", "calico", "canal", "flannel"], cni)])
    error_message = "cnis takes one or more of cilium, calico, canal and flannel."
  }
}

variable "more_node_ports" {
  description = "More TCP ports that nodes reach each other on, by what listens there, such as { node-exporter = 9796 } for Rancher's monitoring."
  type        = map(number)
  default     = {}
  nullable    = false

  validation {
    condition     = alltrue([for port in values(var.more_node_ports) : port >= 1 && port <= 65535 && floor(port) == port])
    error_message = "more_node_ports takes ports from 1 to 65535."
  }
}

# What is written down.

variable "flow_log_bucket_arn" {
  description = "Bucket for the VPC's flow logs, by ARN, with a folder behind it if wanted; no flow logs when null."
  type        = string
  default     = null

  validation {
    condition     = var.flow_log_bucket_arn == null || can(regex("^arn:aws[a-z-]*:s3:::[a-z0-9][a-z0-9.-]{1,61}[a-z0-9](/.*)?$", var.flow_log_bucket_arn))
    error_message = "flow_log_bucket_arn takes the ARN of an S3 bucket, such as arn:aws:s3:::acme-flow-logs/kaas/."
  }
}
