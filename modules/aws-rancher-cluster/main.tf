# One RKE2 or K3s cluster on EC2, made and kept by Rancher: private nodes only, one machine pool a zone.

data "rancher2_cloud_credential" "aws" {
  name = var.cloud_credential_name
}

data "rancher2_cloud_credential" "etcd_s3" {
  count = var.etcd_s3_bucket != null && var.etcd_s3_credential_name != null ? 1 : 0

  name = var.etcd_s3_credential_name
}

locals {
  distribution = strcontains(var.kubernetes_version, "+k3s") ? "k3s" : "rke2"

  # Zone by zone: its subnet, and how many nodes of each kind. The first zones take what does not divide evenly.
  zones               = slice(var.zones, 0, min(length(var.zones), length(var.private_subnet_ids)))
  subnets             = { for index, zone in local.zones : zone => var.private_subnet_ids[index] }
  control_plane_nodes = { for index, zone in local.zones : zone => floor((var.control_plane_num + length(local.zones) - 1 - index) / length(local.zones)) }
  worker_nodes        = { for index, zone in local.zones : zone => floor((var.worker_num + length(local.zones) - 1 - index) / length(local.zones)) }

  tags = merge(var.tags, {
    "kaas:cluster"    = var.name
    "kaas:owner"      = var.owner
    "kaas:request-id" = var.request_id
  })
  # Rancher's driver takes key,value,key,value: no comma may be in any of them.
  tag_string = join(",", flatten([for key in sort(keys(local.tags)) : [key, local.tags[key]]]))

  etcd_s3_region = coalesce(var.etcd_s3_region, var.region)

  # K3s brings its own network plugin; its ingress controller is left to whoever wants one.
  distribution_config = {
    rke2 = { cni = var.cni }
    k3s  = { disable = ["traefik"] }
  }
  machine_global_config = merge(local.distribution_config[local.distribution], var.machine_global_config)
}

resource "rancher2_machine_config_v2" "control_plane" {
  for_each = { for zone, nodes in local.control_plane_nodes : zone => local.subnets[zone] if nodes > 0 }

  generate_name = "${var.name}-cp-${each.key}"

  amazonec2_config {
    region               = var.region
    zone                 = each.key
    vpc_id               = var.vpc_id
    subnet_id            = each.value
    private_address_only = true
    use_private_address  = true

    security_group          = [var.node_security_group_name]
    security_group_readonly = true

    ami                  = var.ami
    ssh_user             = var.ssh_user
    instance_type        = coalesce(var.control_plane_instance_type, var.instance_type)
    iam_instance_profile = var.control_plane_instance_profile

    root_size          = tostring(var.control_plane_root_size)
    volume_type        = "gp3"
    encrypt_ebs_volume = true
    kms_key            = var.kms_key

    # IMDSv2 only. "disabled" is what Rancher stores anyway; left out, every plan would show a change.
    http_endpoint      = "enabled"
    http_tokens        = "required"
    http_protocol_ipv6 = "disabled"

    tags = local.tag_string
  }
}

resource "rancher2_machine_config_v2" "worker" {
  for_each = { for zone, nodes in local.worker_nodes : zone => local.subnets[zone] if nodes > 0 }

  generate_name = "${var.name}-worker-${each.key}"

  amazonec2_config {
    region               = var.region
    zone                 = each.key
    vpc_id               = var.vpc_id
    subnet_id            = each.value
    private_address_only = true
    use_private_address  = true

    security_group          = [var.node_security_group_name]
    security_group_readonly = true

    ami                  = var.ami
    ssh_user             = var.ssh_user
    instance_type        = var.instance_type
    iam_instance_profile = var.instance_profile

    root_size          = tostring(var.root_size)
    volume_type        = "gp3"
    encrypt_ebs_volume = true
    kms_key            = var.kms_key

    http_endpoint      = "enabled"
    http_tokens        = "required"
    http_protocol_ipv6 = "disabled"

    tags = local.tag_string
  }
}

resource "rancher2_cluster_v2" "this" {
  name               = var.name
  kubernetes_version = var.kubernetes_version
  # On the cluster and on each pool: Rancher lets go of a credential that only pools name while machines still need it.
  cloud_credential_secret_name = data.rancher2_cloud_credential.aws.id

  labels = {
    "kaas.request-id" = var.request_id
  }
  annotations = merge(
    { "field.cattle.io/description" = "kaas request ${var.request_id}" },
    length(var.public_subnet_ids) > 0 ? { "kaas.public-subnet-ids" = join(",", var.public_subnet_ids) } : {},
    var.creator_rbac ? {} : { "field.cattle.io/no-creator-rbac" = "true" },
  )

  # No local_auth_endpoint: one that is disabled shows as a change for ever.
  rke_config {
    # yamlencode sorts its keys: any other order would show as a change.
    machine_global_config = yamlencode(local.machine_global_config)

    dynamic "machine_pools" {
      for_each = rancher2_machine_config_v2.control_plane

      content {
        name                         = "cp-${machine_pools.key}"
        cloud_credential_secret_name = data.rancher2_cloud_credential.aws.id
        control_plane_role           = true
        etcd_role                    = true
        quantity                     = local.control_plane_nodes[machine_pools.key]
        drain_before_delete          = true

        # A new node joins before an old one leaves: etcd never has fewer members than it should.
        rolling_update {
          max_surge       = "1"
          max_unavailable = "0"
        }

        machine_config {
          kind = machine_pools.value.kind
          name = machine_pools.value.name
        }
      }
    }

    dynamic "machine_pools" {
      for_each = rancher2_machine_config_v2.worker

      content {
        name                           = "worker-${machine_pools.key}"
        cloud_credential_secret_name   = data.rancher2_cloud_credential.aws.id
        worker_role                    = true
        quantity                       = local.worker_nodes[machine_pools.key]
        drain_before_delete            = true
        unhealthy_node_timeout_seconds = 600
        max_unhealthy                  = "40%"

        rolling_update {
          max_surge       = "1"
          max_unavailable = "0"
        }

        machine_config {
          kind = machine_pools.value.kind
          name = machine_pools.value.name
        }
      }
    }

    upgrade_strategy {
      control_plane_concurrency = "1"
      worker_concurrency        = "10%"

      worker_drain_options {
        enabled               = true
        ignore_daemon_sets    = true
        delete_empty_dir_data = true
        timeout               = 600
      }
    }

    etcd {
      snapshot_schedule_cron = var.etcd_snapshot_cron
      snapshot_retention     = var.etcd_snapshot_retention

      dynamic "s3_config" {
        for_each = var.etcd_s3_bucket == null ? [] : [var.etcd_s3_bucket]

        content {
          bucket                = s3_config.value
          endpoint              = "s3.${local.etcd_s3_region}.amazonaws.com"
          region                = local.etcd_s3_region
          folder                = coalesce(var.etcd_s3_folder, var.name)
          cloud_credential_name = one(data.rancher2_cloud_credential.etcd_s3[*].id)
        }
      }
    }
  }

  timeouts {
    create = "60m"
    update = "60m"
    delete = "60m"
  }

  lifecycle {
    precondition {
      condition     = length(var.private_subnet_ids) <= length(var.zones)
      error_message = "There are ${length(var.private_subnet_ids)} private_subnet_ids and only ${length(var.zones)} zones: each subnet needs the letter of its zone."
    }

    precondition {
      condition     = length(setintersection(var.private_subnet_ids, var.public_subnet_ids)) == 0
      error_message = "A subnet is in private_subnet_ids and in public_subnet_ids: nodes go into private ones only."
    }
  }
}
