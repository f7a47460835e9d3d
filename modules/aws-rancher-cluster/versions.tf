terraform {
  required_version = ">= 1.5"

  required_providers {
    # The major version follows Rancher's minor one: 14.x speaks to Rancher 2.14.
    rancher2 = {
      source  = "rancher/rancher2"
      version = "~> 14.1"
    }
  }
}
