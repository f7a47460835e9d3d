variable "name" {
  description = "What everything is called after."
  type        = string
  default     = "kaas-example"
  nullable    = false

  validation {
    condition     = can(regex("^[a-z][a-z0-9-]{0,40}$", var.name))
    error_message = "name takes up to 41 lower-case letters, digits and hyphens, and begins with a letter."
  }
}

variable "region" {
  description = "AWS region, the same as the provider's."
  type        = string
  nullable    = false
}

variable "zones" {
  description = "Letters of the availability zones, each with a private subnet."
  type        = list(string)
  default     = ["a", "b", "c"]
  nullable    = false

  validation {
    condition     = length(var.zones) > 0 && length(distinct(var.zones)) == length(var.zones) && alltrue([for zone in var.zones : contains(["a", "b", "c", "d", "e", "f"], zone)])
    error_message = "zones takes letters from a to f, each once."
  }
}

variable "cidr" {
  description = "Addresses of the network; each zone gets an eighth."
  type        = string
  default     = "10.64.0.0/16"
  nullable    = false

  validation {
    condition     = can(cidrhost(var.cidr, 0)) && try(tonumber(split("/", var.cidr)[1]), 0) >= 16 && try(tonumber(split("/", var.cidr)[1]), 32) <= 24
    error_message = "cidr takes a block from /16 to /24, such as 10.64.0.0/16."
  }
}
