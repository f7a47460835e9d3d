# What the cluster is.

variable "name" {
  description = "Name of the cluster in Rancher. Also in the names of its machines, which is why it is shorter than Rancher would take."
  type        = string
  nullable    = false

  validation {
    condition     = can(regex("^[a-z]([a-z0-9-]{0,40}[a-z0-9])$", var.name))
    error_message = "name takes 2 to 42 lower-case letters, digits and hyphens; it begins with a letter and does not end with a hyphen."
  }

  validation {
    condition     = var.name != "local" && !can(regex("^c-([a-z0-9]{5}|m-[a-z0-9]{8})$", var.name))
    error_message = "name must not be one of Rancher's own: local, c-xxxxx or c-m-xxxxxxxx."
  }
}

variable "kubernetes_version" {
  description = "Kubernetes version with the distribution as its suffix: v1.33.5+rke2r1 is RKE2, v1.33.5+k3s1 is K3s."
  type        = string
  nullable    = false

  validation {
    condition     = can(regex("^v1\\.[0-9]+\\.[0-9]+\\+(rke2r|k3s)[0-9]+$", var.kubernetes_version))
    error_message = "kubernetes_version takes a full version with its suffix, such as v1.33.5+rke2r1 or v1.33.5+k3s1."
  }
}

variable "machine_global_config" {
  description = "More settings of RKE2 or K3s for every node, by the names of its config file. They win over what the module sets."
  type        = any
  default     = {}
  nullable    = false

  validation {
    condition     = can(keys(var.machine_global_config))
    error_message = "machine_global_config takes a map, such as { \"kube-apiserver-arg\" = [\"audit-log-maxage=30\"] }."
  }
}

variable "cni" {
  description = "Network plugin of an RKE2 cluster. K3s brings its own."
  type        = string
  default     = "cilium"
  nullable    = false

  validation {
    condition     = contains(["cilium", "calico", "canal", "none"], var.cni)
    error_message = "cni takes cilium, calico, canal or none."
  }
}

# Who asked for it.

variable "request_id" {
  description = "The request this cluster goes back to. A label of the cluster, and the tag kaas:request-id of everything it makes in EC2."
  type        = string
  nullable    = false

  validation {
    condition     = can(regex("^[A-Za-z0-9]([A-Za-z0-9._-]{0,61}[A-Za-z0-9])?$", var.request_id))
    error_message = "request_id takes up to 63 letters, digits, dots, underscores and hyphens; it begins and ends with a letter or digit."
  }
}

variable "owner" {
  description = "Whose cluster this is. The tag kaas:owner of everything it makes in EC2."
  type        = string
  nullable    = false

  validation {
    condition     = can(regex("^[\\p{L}\\p{N}_ .:/=+@-]{1,256}$", var.owner))
    error_message = "owner takes 1 to 256 letters, digits, spaces and _ . : / = + - @, and no comma: Rancher joins all tags with commas."
  }
}

variable "tags" {
  description = "More tags for everything that the cluster makes in EC2."
  type        = map(string)
  default     = {}
  nullable    = false

  validation {
    condition     = alltrue([for key, value in var.tags : !strcontains("${key}${value}", ",")])
    error_message = "tags must not hold a comma in a key or value: Rancher joins all tags with commas, and one too many shifts them all."
  }

  validation {
    condition     = alltrue([for key, value in var.tags : can(regex("^[\\p{L}\\p{N}_ .:/=+@-]{1,128}$", key)) && can(regex("^[\\p{L}\\p{N}_ .:/=+@-]{0,256}$", value))])
    error_message = "tags take letters, digits, spaces and _ . : / = + - @; keys of 1 to 128 and values of at most 256 characters."
  }

  validation {
    condition     = alltrue([for key in keys(var.tags) : !can(regex("^(aws:|kaas:|kubernetes\\.io/cluster/)", lower(key))) && key != "Name"])
    error_message = "tags must not set Name nor begin with aws:, kaas: or kubernetes.io/cluster/, which are set by EC2, this module and Rancher."
  }
}

# Where it is.

variable "region" {
  description = "AWS region of the nodes."
  type        = string
  nullable    = false

  validation {
    condition     = can(regex("^[a-z]{2}(-[a-z]+)+-[0-9]$", var.region))
    error_message = "region takes the name of an AWS region, such as eu-west-1."
  }
}

variable "vpc_id" {
  description = "VPC of the nodes."
  type        = string
  nullable    = false

  validation {
    condition     = can(regex("^vpc-[0-9a-f]+$", var.vpc_id))
    error_message = "vpc_id takes the id of a VPC, such as vpc-0123456789abcdef0."
  }
}

variable "private_subnet_ids" {
  description = "Subnets of the nodes, one a zone, in the order of zones."
  type        = list(string)
  nullable    = false

  validation {
    condition     = length(var.private_subnet_ids) > 0 && alltrue([for id in var.private_subnet_ids : can(regex("^subnet-[0-9a-f]+$", id))])
    error_message = "private_subnet_ids takes at least one id of a subnet, such as subnet-0123456789abcdef0."
  }

  validation {
    condition     = length(distinct(var.private_subnet_ids)) == length(var.private_subnet_ids)
    error_message = "private_subnet_ids must not name a subnet twice: there is one a zone."
  }
}

variable "public_subnet_ids" {
  description = "Subnets for the load balancers that are made for the cluster. Nodes never go there. Noted on the cluster (annotation kaas.public-subnet-ids) for whoever installs a load balancer controller."
  type        = list(string)
  default     = []
  nullable    = false

  validation {
    condition     = alltrue([for id in var.public_subnet_ids : can(regex("^subnet-[0-9a-f]+$", id))])
    error_message = "public_subnet_ids takes ids of subnets, such as subnet-0123456789abcdef0."
  }
}

variable "zones" {
  description = "Letters of the availability zones of private_subnet_ids, in the same order. More letters than subnets do no harm."
  type        = list(string)
  default     = ["a", "b", "c"]
  nullable    = false

  validation {
    condition     = length(var.zones) > 0 && alltrue([for zone in var.zones : can(regex("^[a-z]$", zone))]) && length(distinct(var.zones)) == length(var.zones)
    error_message = "zones takes the letters of availability zones, each once, such as [\"a\", \"b\", \"c\"]."
  }
}

variable "node_security_group_name" {
  description = "Security group of the nodes, by its name (Rancher's driver does not find ids). It has to exist: the driver makes a group of a name that does not, and nobody removes it."
  type        = string
  nullable    = false

  validation {
    condition     = length(var.node_security_group_name) > 0 && !startswith(var.node_security_group_name, "sg-")
    error_message = "node_security_group_name takes the name of a security group, not its id: Rancher would make a group of that name."
  }

  validation {
    condition     = var.node_security_group_name != "rancher-nodes"
    error_message = "node_security_group_name must not be rancher-nodes: Rancher opens that group to the world."
  }
}

variable "cloud_credential_name" {
  description = "Cloud credential in Rancher with which nodes are made. It belongs to the administrators and outlives every cluster."
  type        = string
  nullable    = false

  validation {
    condition     = length(var.cloud_credential_name) > 0
    error_message = "cloud_credential_name takes the name of a cloud credential in Rancher."
  }
}

# How large it is.

variable "instance_type" {
  description = "EC2 instance type of the workers, and of the control plane unless control_plane_instance_type says otherwise."
  type        = string
  nullable    = false

  validation {
    condition     = can(regex("^[a-z][a-z0-9-]*\\.[a-z0-9-]+$", var.instance_type))
    error_message = "instance_type takes an EC2 instance type, such as m6i.large."
  }
}

variable "worker_num" {
  description = "Number of workers, spread evenly over the zones."
  type        = number
  nullable    = false

  validation {
    condition     = var.worker_num >= 1 && var.worker_num <= 200 && floor(var.worker_num) == var.worker_num
    error_message = "worker_num takes a whole number from 1 to 200."
  }
}

variable "control_plane_num" {
  description = "Number of control plane nodes, which also run etcd: 1, or 3 to survive the loss of one."
  type        = number
  default     = 1
  nullable    = false

  validation {
    condition     = contains([1, 3], var.control_plane_num)
    error_message = "control_plane_num takes 1 or 3: etcd needs an odd number, and more than three gain nothing here."
  }
}

variable "control_plane_instance_type" {
  description = "EC2 instance type of the control plane; instance_type when null."
  type        = string
  default     = null

  validation {
    condition     = var.control_plane_instance_type == null || can(regex("^[a-z][a-z0-9-]*\\.[a-z0-9-]+$", var.control_plane_instance_type))
    error_message = "control_plane_instance_type takes an EC2 instance type, such as m6i.large."
  }
}

# What its nodes are made of.

variable "ami" {
  description = "Image of the nodes. A change replaces every node, one by one."
  type        = string
  nullable    = false

  validation {
    condition     = can(regex("^ami-[0-9a-f]+$", var.ami))
    error_message = "ami takes the id of an image, such as ami-0123456789abcdef0."
  }
}

variable "ssh_user" {
  description = "User with which Rancher sets up a node of this image."
  type        = string
  default     = "ubuntu"
  nullable    = false

  validation {
    condition     = can(regex("^[a-z_][a-z0-9_-]{0,31}$", var.ssh_user))
    error_message = "ssh_user takes the name of a Linux user, such as ubuntu or ec2-user."
  }
}

variable "root_size" {
  description = "Root volume of a worker, in GiB."
  type        = number
  default     = 80
  nullable    = false

  validation {
    condition     = var.root_size >= 30 && var.root_size <= 16384 && floor(var.root_size) == var.root_size
    error_message = "root_size takes a whole number of GiB from 30 to 16384; less does not hold the images of a node."
  }
}

variable "control_plane_root_size" {
  description = "Root volume of a control plane node, in GiB."
  type        = number
  default     = 50
  nullable    = false

  validation {
    condition     = var.control_plane_root_size >= 30 && var.control_plane_root_size <= 16384 && floor(var.control_plane_root_size) == var.control_plane_root_size
    error_message = "control_plane_root_size takes a whole number of GiB from 30 to 16384; less does not hold etcd and the images."
  }
}

variable "kms_key" {
  description = "KMS key that encrypts the root volumes, by ARN; the account's default key when null."
  type        = string
  default     = null

  validation {
    condition     = var.kms_key == null || can(regex("^arn:aws[a-z-]*:kms:", var.kms_key))
    error_message = "kms_key takes the ARN of a KMS key."
  }
}

variable "instance_profile" {
  description = "IAM instance profile of the workers, by name; none when null."
  type        = string
  default     = null

  validation {
    condition     = var.instance_profile == null || can(regex("^[\\w+=,.@-]{1,128}$", var.instance_profile))
    error_message = "instance_profile takes the name of an IAM instance profile, not its ARN."
  }
}

variable "control_plane_instance_profile" {
  description = "IAM instance profile of the control plane, by name; none when null."
  type        = string
  default     = null

  validation {
    condition     = var.control_plane_instance_profile == null || can(regex("^[\\w+=,.@-]{1,128}$", var.control_plane_instance_profile))
    error_message = "control_plane_instance_profile takes the name of an IAM instance profile, not its ARN."
  }
}

# How etcd is saved.

variable "etcd_snapshot_cron" {
  description = "When etcd is saved."
  type        = string
  default     = "0 */6 * * *"
  nullable    = false

  validation {
    condition     = length(split(" ", var.etcd_snapshot_cron)) == 5
    error_message = "etcd_snapshot_cron takes five fields of cron, such as 0 */6 * * *."
  }
}

variable "etcd_snapshot_retention" {
  description = "How many snapshots of each control plane node are kept."
  type        = number
  default     = 10
  nullable    = false

  validation {
    condition     = var.etcd_snapshot_retention >= 1 && floor(var.etcd_snapshot_retention) == var.etcd_snapshot_retention
    error_message = "etcd_snapshot_retention takes a whole number from 1."
  }
}

variable "etcd_s3_bucket" {
  description = "Bucket for the snapshots; on the nodes only when null. Destroying the cluster leaves them there."
  type        = string
  default     = null

  validation {
    condition     = var.etcd_s3_bucket == null || can(regex("^[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]$", var.etcd_s3_bucket))
    error_message = "etcd_s3_bucket takes the name of an S3 bucket."
  }
}

variable "etcd_s3_region" {
  description = "Region of the bucket; region when null."
  type        = string
  default     = null
}

variable "etcd_s3_folder" {
  description = "Folder in the bucket; the cluster's name when null."
  type        = string
  default     = null
}

variable "etcd_s3_credential_name" {
  description = "Cloud credential in Rancher for the bucket; the nodes' instance profile when null."
  type        = string
  default     = null
}

# Who may do what.

variable "creator_rbac" {
  description = "Whether Rancher makes the user behind the token an owner of the cluster. Needed only where that user does not hold kaas' role, with which it sees every cluster."
  type        = bool
  default     = false
  nullable    = false
}
