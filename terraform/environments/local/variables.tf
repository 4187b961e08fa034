variable "endpoint_url" {
  description = "Address of the XML endpoint that runs beside the emulator, such as https://127.0.0.1:8443."
  type        = string
}

variable "certificate_authority_file" {
  description = "Absolute path of the certificate authority that the local processes' certificates are signed by."
  type        = string
}

variable "package_folder" {
  description = "Folder that `make package` wrote the functions' zips and manifest.json to."
  type        = string
  default     = "../../../dist"
}

variable "extract_concurrency" {
  description = "Windows that are read at the same time: as many processes of extract share this machine."
  type        = number
  default     = 4
}

variable "before_extract" {
  description = "ARN of a function on the emulator, to try a hook out: called before windows are read. Null: none."
  type        = string
  default     = null
}

variable "after_load" {
  description = "ARN of a function on the emulator, to try a hook out: called once everything is loaded. Null: none."
  type        = string
  default     = null
}
