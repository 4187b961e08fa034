module "observability" {
  source = "../observability"

  name               = local.name
  account            = local.account
  metrics_namespace  = local.environment_of_all.POWERTOOLS_METRICS_NAMESPACE
  failures_topic_arn = module.workflow.failures_topic_arn
  alarms             = var.alarms
  state_machine_name = local.state_machine.name
  schedule_group     = module.workflow.schedule_group
  queues             = { for inbox in module.inbox[*] : "inbox" => inbox.queue }
  prices             = local.prices

  functions = {
    for step, function in local.functions : step => {
      name      = function.name
      log_group = function.log_group
      memory_mb = var.functions[step].memory_mb
    }
  }

  sources = {
    for source, differs in var.sources : source => {
      scheduled = var.schedules_enabled && differs.enabled && local.catalogues[source].schedule != null
    }
  }

  warehouse = {
    workgroup             = module.warehouse.workgroup
    usage_limit_rpu_hours = var.warehouse.usage_limit_rpu_hours
    snapshots             = var.warehouse.snapshots != null
  }
}
