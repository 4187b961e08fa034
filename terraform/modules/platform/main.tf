module "key" {
  source = "../key"

  name                 = local.name
  account              = local.account
  deletion_window_days = var.protect ? 30 : 7

  log_groups = [
    "/aws/lambda/${local.name}-*",
    "/aws/redshift/${local.name}/*",
    "/aws/vendedlogs/*/${local.name}-*",
  ]
}

module "landing" {
  source = "../landing"

  account         = local.account
  landing_bucket  = local.landing_bucket
  artifact_bucket = local.artifact_bucket
  log_bucket      = local.log_bucket
  flow_logs       = var.network.flow_logs
  key_arn         = module.key.arn
  catalogues      = local.catalogue_files
  retention_days  = var.retention_days
  raw_days        = var.raw_expires ? local.raw_days : {}
  notify          = length(local.inboxes) > 0
  force_destroy   = !var.protect
}

module "network" {
  source = "../network"

  name           = local.name
  account        = local.account
  landing_bucket = local.landing_bucket
  log_bucket     = module.landing.log_bucket
  warehouse_port = var.warehouse.port
  settings       = var.network
}

module "iam" {
  source = "../iam"

  name             = local.name
  account          = local.account
  functions        = local.functions
  state_machine    = local.state_machine
  schedule_group   = local.name
  failures_topic   = local.failures_topic
  event_bus        = var.flow.event_bus
  hooks            = distinct([for arn in values(var.flow.hooks) : arn if arn != null])
  landing_bucket   = local.landing_bucket
  source_secrets   = local.all_secret_names
  admin_secret_arn = module.warehouse.admin_secret_arn
  key_arn          = module.key.arn
  workgroup_arn    = module.warehouse.workgroup_arn
  namespace_arn    = module.warehouse.namespace_arn
  takes_snapshots  = var.warehouse.snapshots != null
  tracing          = var.logging.tracing == "Active"

  permissions_boundary_arn = one([
    for name in var.permissions_boundary[*] : "arn:${local.account.partition}:iam::${local.account.id}:policy/${name}"
  ])
}

# Only where files are dropped: a queue and an alarm for nothing would look like something.
module "inbox" {
  source = "../inbox"
  count  = length(local.inboxes) > 0 ? 1 : 0

  name              = local.name
  account           = local.account
  landing_bucket    = module.landing.landing_bucket
  key_arn           = module.key.arn
  state_machine_arn = module.workflow.state_machine_arn
  role_arn          = module.iam.inbox_role_arn

  sources = {
    for source, streams in local.inboxes : source => {
      streams = streams
      input   = local.executions[source]
    }
  }
}

module "warehouse" {
  source = "../warehouse"

  name               = local.name
  partition          = local.account.partition
  copy_role_arn      = module.iam.copy_role_arn
  key_arn            = module.key.arn
  subnet_ids         = module.network.subnet_ids
  security_group_ids = [module.network.warehouse_security_group_id]
  snapshot_role_arn  = module.iam.snapshot_role_arn
  schedule_group     = module.workflow.schedule_group
  log_retention_days = var.logging.retention_days
  settings           = var.warehouse
}

# X-Ray's own rule takes one request a second and 5 % of the rest: of hourly executions every one has to be taken.
resource "aws_xray_sampling_rule" "all" {
  count = var.logging.tracing == "Active" ? 1 : 0

  rule_name      = local.name
  version        = 1
  priority       = 1000
  reservoir_size = 100
  fixed_rate     = 1
  service_name   = "${local.name}-*"
  service_type   = "*"
  host           = "*"
  http_method    = "*"
  url_path       = "*"
  resource_arn   = "*"
}

# The container alone: a secret's value never passes through Terraform, its plan or its state.
resource "aws_secretsmanager_secret" "source" {
  # checkov:skip=CKV2_AWS_57: the login is the source's: nothing here can change it there

  for_each = local.all_secret_names

  name                    = each.value
  description             = "Login of a source or of its proxy, as a catalogue file names it"
  kms_key_id              = module.key.arn
  recovery_window_in_days = var.protect ? 30 : 0
}
