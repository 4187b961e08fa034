variable "package_folder" {
  description = "Folder that `make package` wrote the functions' zips and manifest.json to."
  type        = string
  default     = "../../../dist"
}
