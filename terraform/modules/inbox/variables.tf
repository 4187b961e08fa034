variable "name" {
  description = "What the names of rules and of the queue begin with."
  type        = string
}

variable "account" {
  description = "Partition, region and id of the account; what ARNs are made of."
  type = object({
    partition = string
    region    = string
    id        = string
  })
}

variable "landing_bucket" {
  description = "Name of the bucket that files are dropped into."
  type        = string
}

variable "sources" {
  description = "Sources with an inbox: name => the streams that have one, and an execution's input."
  type = map(object({
    streams = list(string)
    input = object({
      source    = string
      catalogue = string
      base_url  = string
    })
  }))

  validation {
    condition     = alltrue([for source, _ in var.sources : length("${var.name}-${source}") <= 64])
    error_message = "A rule's name has at most 64 characters: shorten the environment's name or the source's."
  }

  validation {
    condition     = alltrue([for source in values(var.sources) : length(source.streams) > 0])
    error_message = "A source without an inbox stream needs no rule: an empty pattern would match every object."
  }
}

variable "state_machine_arn" {
  description = "Alias of the state machine, which the rules start."
  type        = string
}

variable "role_arn" {
  description = "Role that the rules start the state machine with."
  type        = string
}

variable "key_arn" {
  description = "Key that the queue's messages are encrypted with."
  type        = string
}
