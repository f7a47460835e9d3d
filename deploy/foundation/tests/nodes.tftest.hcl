# The nodes' security group: what it lets in, and from where.

mock_provider "aws" {
  mock_data "aws_availability_zones" {
    defaults = {
      names = ["eu-west-1a", "eu-west-1b", "eu-west-1c"]
    }
  }
}

variables {
  region        = "eu-west-1"
  rancher_cidrs = ["10.20.0.0/24", "10.21.0.0/24"]
}

run "as_it_comes" {
  assert {
    condition     = alltrue([for rule in values(aws_vpc_security_group_ingress_rule.nodes) : rule.cidr_ipv4 == null && rule.cidr_ipv6 == null && rule.prefix_list_id == null && rule.referenced_security_group_id == aws_security_group.nodes.id])
    error_message = "A rule among nodes lets in somebody else."
  }

  assert {
    condition     = { for cidr, rule in aws_vpc_security_group_ingress_rule.rancher : rule.cidr_ipv4 => "${rule.ip_protocol} ${rule.from_port}-${rule.to_port}" } == { "10.20.0.0/24" = "tcp 22-22", "10.21.0.0/24" = "tcp 22-22" }
    error_message = "Rancher's networks do not reach SSH and only SSH."
  }

  assert {
    condition     = alltrue([for rule in concat(values(aws_vpc_security_group_ingress_rule.nodes), values(aws_vpc_security_group_ingress_rule.rancher)) : rule.cidr_ipv4 != "0.0.0.0/0" && rule.cidr_ipv6 != "::/0" && rule.security_group_id == aws_security_group.nodes.id])
    error_message = "A rule lets the world in."
  }

  assert {
    condition = { for what, rule in aws_vpc_security_group_ingress_rule.nodes : what => "${rule.ip_protocol} ${rule.from_port}-${rule.to_port}" } == {
      "cilium-health"   = "tcp 4240-4240"
      "cilium-ping"     = "icmp 8-0"
      "etcd"            = "tcp 2379-2380"
      "kubelet"         = "tcp 10250-10250"
      "kubernetes-api"  = "tcp 6443-6443"
      "rke2-supervisor" = "tcp 9345-9345"
      "vxlan"           = "udp 8472-8472"
    }
    error_message = "Nodes reach each other on other ports than RKE2 with Cilium and K3s with Flannel need."
  }

  assert {
    condition     = { for rule in values(aws_vpc_security_group_egress_rule.outside) : "${rule.ip_protocol} ${rule.from_port}-${rule.to_port}" => rule.cidr_ipv4 } == { "tcp 80-80" = "0.0.0.0/0", "tcp 443-443" = "0.0.0.0/0" }
    error_message = "Nodes go out on other ports than 80 and 443."
  }

  assert {
    condition     = aws_vpc_security_group_egress_rule.nodes.referenced_security_group_id == aws_security_group.nodes.id && aws_vpc_security_group_egress_rule.nodes.cidr_ipv4 == null
    error_message = "The way to other nodes leads elsewhere."
  }

  assert {
    condition     = aws_default_security_group.closed.vpc_id == aws_vpc.this.id && length(aws_default_security_group.closed.ingress) == 0 && length(aws_default_security_group.closed.egress) == 0
    error_message = "The VPC's default group has rules."
  }

  assert {
    condition     = output.node_security_group_name == "kaas-nodes" && output.node_security_group_id == aws_security_group.nodes.id && aws_security_group.nodes.vpc_id == aws_vpc.this.id
    error_message = "The outputs do not tell the group that was made."
  }
}

run "calico_and_monitoring_with_a_narrow_way_out" {
  variables {
    name                     = "acme"
    node_security_group_name = "acme nodes"
    cnis                     = ["calico"]
    more_node_ports          = { node-exporter = 9796 }
    node_egress_cidrs        = ["10.20.0.0/24", "10.30.0.0/16"]
    node_egress_ports        = [443]
  }

  assert {
    condition     = keys(aws_vpc_security_group_ingress_rule.nodes) == ["calico-typha", "calico-vxlan", "etcd", "kubelet", "kubernetes-api", "more-node-exporter", "rke2-supervisor"]
    error_message = "The rules are not those of Calico and of what was added."
  }

  assert {
    condition     = aws_vpc_security_group_ingress_rule.nodes["more-node-exporter"].from_port == 9796
    error_message = "The added port is another."
  }

  assert {
    condition     = toset([for rule in values(aws_vpc_security_group_egress_rule.outside) : "${rule.cidr_ipv4} ${rule.to_port}"]) == toset(["10.20.0.0/24 443", "10.30.0.0/16 443"])
    error_message = "Nodes go out elsewhere than they were told to."
  }

  assert {
    condition     = output.node_security_group_name == "acme nodes"
    error_message = "node_security_group_name is not the name that was asked for."
  }
}
