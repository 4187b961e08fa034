module "cost" {
  source = "../cost"

  base_capacity = var.warehouse.base_capacity
  prices        = local.prices

  schedules = {
    for source, differs in var.sources : source => local.catalogues[source].schedule
    if var.schedules_enabled && differs.enabled && local.catalogues[source].schedule != null
  }

  always_there = {
    interface_endpoints = module.network.interface_endpoints
    nat_gateways        = var.network.nat ? 1 : 0
    keys                = 1
    secrets             = length(local.all_secret_names) + 1 # and the administrator's
    alarms              = length(module.observability.alarms)
    dashboards          = 1
  }
}

locals {
  prices = yamldecode(file("${path.module}/prices.yaml"))
}
