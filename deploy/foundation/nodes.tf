# The nodes' security group. Clusters name it, and Rancher's driver adds no rule to it (security_group_readonly).
# One group for all clusters of this foundation: it keeps the world out, not clusters apart. Where they must be, give each tenant a foundation.

locals {
  # What listens on a node, and only for other nodes: protocol, first port, last port. After the port tables of RKE2 and K3s.
  kubernetes_ports = {
    "kubernetes-api"  = ["tcp", 6443, 6443]
    "rke2-supervisor" = ["tcp", 9345, 9345]
    "kubelet"         = ["tcp", 10250, 10250]
    "etcd"            = ["tcp", 2379, 2380]
  }

  cni_ports = {
    cilium = {
      "vxlan"         = ["udp", 8472, 8472]
      "cilium-health" = ["tcp", 4240, 4240]
      "cilium-ping"   = ["icmp", 8, 0]
    }
    canal = {
      "vxlan" = ["udp", 8472, 8472]
    }
    flannel = {
      "vxlan" = ["udp", 8472, 8472]
    }
    calico = {
      "calico-vxlan" = ["udp", 4789, 4789]
      "calico-typha" = ["tcp", 5473, 5473]
    }
  }

  node_ports = merge(concat(
    [local.kubernetes_ports],
    [for cni in sort(var.cnis) : local.cni_ports[cni]],
    [{ for what, port in var.more_node_ports : "more-${what}" => ["tcp", port, port] }],
  )...)

  node_egress = { for pair in setproduct(var.node_egress_cidrs, var.node_egress_ports) : "${pair[0]} ${pair[1]}" => { cidr = pair[0], port = pair[1] } }
}

resource "aws_security_group" "nodes" {
  name        = coalesce(var.node_security_group_name, "${var.name}-nodes")
  description = "Nodes of clusters made by kaas"
  vpc_id      = aws_vpc.this.id

  tags = { Name = coalesce(var.node_security_group_name, "${var.name}-nodes") }
}

resource "aws_vpc_security_group_ingress_rule" "nodes" {
  for_each = local.node_ports

  security_group_id            = aws_security_group.nodes.id
  referenced_security_group_id = aws_security_group.nodes.id
  description                  = each.key
  ip_protocol                  = each.value[0]
  from_port                    = each.value[1]
  to_port                      = each.value[2]
}

resource "aws_vpc_security_group_ingress_rule" "rancher" {
  for_each = toset(var.rancher_cidrs)

  security_group_id = aws_security_group.nodes.id
  cidr_ipv4         = each.value
  description       = "Rancher sets a node up by SSH"
  ip_protocol       = "tcp"
  from_port         = 22
  to_port           = 22
}

# To each other as the rules above let in; they decide.
resource "aws_vpc_security_group_egress_rule" "nodes" {
  security_group_id            = aws_security_group.nodes.id
  referenced_security_group_id = aws_security_group.nodes.id
  description                  = "To other nodes"
  ip_protocol                  = "-1"
}

# The VPC's resolver, its time and its metadata need no rule: security groups do not filter them.
resource "aws_vpc_security_group_egress_rule" "outside" {
  for_each = local.node_egress

  security_group_id = aws_security_group.nodes.id
  cidr_ipv4         = each.value.cidr
  description       = "Rancher, registries, package mirrors"
  ip_protocol       = "tcp"
  from_port         = each.value.port
  to_port           = each.value.port
}
