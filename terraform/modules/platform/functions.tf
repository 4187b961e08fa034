locals {
  environment_of_all = {
    XMLIFT_ENVIRONMENT           = var.environment
    POWERTOOLS_LOG_LEVEL         = var.logging.functions
    POWERTOOLS_METRICS_NAMESPACE = local.name
  }

  environment_of_landing = { XMLIFT_BUCKET = module.landing.landing_bucket }

  environment_of_warehouse = {
    XMLIFT_WORKGROUP      = module.warehouse.workgroup
    XMLIFT_DATABASE       = module.warehouse.database
    XMLIFT_WAREHOUSE_HOST = module.warehouse.host
    XMLIFT_WAREHOUSE_PORT = module.warehouse.port
    XMLIFT_WAREHOUSE_CA   = var.warehouse.certificate_authority
  }

  environment_of_step = {
    plan = merge(local.environment_of_landing, local.environment_of_warehouse, {
      XMLIFT_EXTRACT_CONCURRENCY = var.flow.extract_concurrency
    })
    extract = merge(local.environment_of_landing, {
      XMLIFT_SECRET_PREFIX = local.secret_prefix
      # Lambda gives a vCPU for every 1,769 MB; a process for each of them reads a page.
      XMLIFT_PROCESSES = max(1, floor(var.functions.extract.memory_mb / 1769))
    })
    load = merge(local.environment_of_landing, local.environment_of_warehouse, {
      XMLIFT_COPY_ROLE_ARN = module.iam.copy_role_arn
    })
    report  = merge(local.environment_of_landing, local.environment_of_warehouse)
    migrate = merge(local.environment_of_warehouse, { XMLIFT_ADMIN_SECRET_ARN = module.warehouse.admin_secret_arn })
  }
}

locals {
  arguments = {
    for step, function in local.functions : step => {
      environment_variables = merge(
        local.environment_of_all,
        { POWERTOOLS_SERVICE_NAME = step },
        local.environment_of_step[step],
      )

      package = merge(local.packages[step], {
        bucket       = module.landing.artifact_bucket
        architecture = local.manifest.architecture
        python       = local.manifest.python
      })

      network = !function.in_vpc ? null : {
        subnet_ids         = module.network.subnet_ids
        security_group_ids = [step == "extract" ? module.network.extract_security_group_id : module.network.functions_security_group_id]
      }
    }
  }
}

# Apart from the others, which wait for what it does.
module "migrate" {
  source = "../function"

  name                  = local.functions.migrate.name
  arn                   = local.functions.migrate.arn
  log_group             = local.functions.migrate.log_group
  log_retention_days    = var.logging.retention_days
  role_arn              = module.iam.function_role_arns.migrate
  key_arn               = module.key.arn
  limits                = var.functions.migrate
  tracing               = var.logging.tracing
  package               = local.arguments.migrate.package
  environment_variables = local.arguments.migrate.environment_variables
  network               = local.arguments.migrate.network
}

# Schemas, database roles and grants: on the first apply, and again with other sources, readers, catalogues or code, and
# with another warehouse.
resource "aws_lambda_invocation" "migrate" {
  function_name = module.migrate.name
  qualifier     = module.migrate.alias

  input = jsonencode({
    sources   = sort(keys(var.sources))
    loader    = "${local.name}-load"
    observers = ["${local.name}-plan", "${local.name}-report"]
    readers = {
      iam_roles      = sort(var.warehouse.readers.iam_roles)
      database_users = sort(var.warehouse.readers.database_users)
    }
  })

  triggers = {
    code       = local.packages.migrate.source_code_hash
    warehouse  = module.warehouse.namespace_id
    catalogues = jsonencode(module.landing.catalogue_keys) # by their content
  }
}

module "function" {
  source   = "../function"
  for_each = { for step, function in local.functions : step => function if step != "migrate" }

  name                  = each.value.name
  arn                   = each.value.arn
  log_group             = each.value.log_group
  log_retention_days    = var.logging.retention_days
  role_arn              = module.iam.function_role_arns[each.key]
  key_arn               = module.key.arn
  limits                = var.functions[each.key]
  tracing               = var.logging.tracing
  package               = local.arguments[each.key].package
  environment_variables = local.arguments[each.key].environment_variables
  network               = local.arguments[each.key].network

  # New code goes live when the tables are as it expects them. The workflow waits for these functions, and so do the
  # schedules, which may fire as soon as they exist.
  depends_on = [aws_lambda_invocation.migrate]
}

module "workflow" {
  source = "../workflow"

  name              = local.state_machine.name
  alias             = local.state_machine.alias
  map_label         = local.state_machine.map_label
  account           = local.account
  role_arn          = module.iam.pipeline_role_arn
  key_arn           = module.key.arn
  schedule_role_arn = module.iam.schedule_role_arn
  schedule_group    = local.name
  failures_topic    = local.failures_topic
  flow              = var.flow

  functions = {
    for step in ["plan", "extract", "load", "report"] : step => {
      alias_arn       = module.function[step].alias_arn
      timeout_seconds = var.functions[step].timeout_seconds
    }
  }

  logging = {
    level                  = var.logging.state_machine
    include_execution_data = var.logging.execution_data
    retention_days         = var.logging.retention_days
    tracing                = var.logging.tracing == "Active"
  }

  schedules = {
    for source, differs in var.sources : source => {
      expression = local.catalogues[source].schedule
      enabled    = var.schedules_enabled && differs.enabled
      input      = local.inputs[source]
    } if local.catalogues[source].schedule != null
  }
}
