# Names are made here once. ARNs are made from names, so that a plan shows the whole of it before anything exists.

data "aws_partition" "current" {}
data "aws_region" "current" {}
data "aws_caller_identity" "current" {}

locals {
  account = {
    partition = data.aws_partition.current.partition
    region    = data.aws_region.current.name
    id        = data.aws_caller_identity.current.account_id
  }

  name            = "xmlift-${var.environment}"
  landing_bucket  = "${local.name}-landing-${local.account.id}"
  artifact_bucket = "${local.name}-artifacts-${local.account.id}"
  log_bucket      = "${local.name}-access-logs-${local.account.id}"
  state_machine   = { name = "${local.name}-pipeline", alias = "live", map_label = "extract" }
  failures_topic  = "${local.name}-failures"
  secret_prefix   = "xmlift/${var.environment}/"

  lambda = "arn:${local.account.partition}:lambda:${local.account.region}:${local.account.id}:function"

  functions = {
    for step in ["plan", "extract", "load", "report", "migrate"] : step => {
      name      = "${local.name}-${step}"
      arn       = "${local.lambda}:${local.name}-${step}"
      log_group = "/aws/lambda/${local.name}-${step}"
      in_vpc    = step != "extract" || var.network.extract != null # all that the others call is inside
    }
  }
}

locals {
  manifest = jsondecode(file("${var.package_folder}/manifest.json"))

  packages = {
    for step, package in local.manifest.functions : step => {
      path             = "${var.package_folder}/${package.file}"
      key              = "functions/${step}/${package.sha256}.zip"
      source_code_hash = package.source_code_hash
    }
  }
}

# Of a catalogue file Terraform reads its name, its schedule, its secrets' names, and of each stream whether it has an
# inbox and for how many days its answers are kept; all else is the functions' own.
locals {
  catalogue_files = { for source, _ in var.sources : source => "${var.catalogue_folder}/${source}.yaml" }

  catalogues = {
    for source, file in local.catalogue_files : source => {
      schedule = try(yamldecode(file(file)).schedule, null)
      secret   = try(yamldecode(file(file)).auth.secret, null)
      proxy    = try(yamldecode(file(file)).connection.proxy_secret, null)
      streams  = try(yamldecode(file(file)).streams, {})
    }
  }

  secret_names = {
    for source, catalogue in local.catalogues : source => "${local.secret_prefix}${catalogue.secret}"
    if catalogue.secret != null
  }

  # A proxy's user may be the same for several sources.
  all_secret_names = toset(concat(values(local.secret_names), [
    for catalogue in local.catalogues : "${local.secret_prefix}${catalogue.proxy}" if catalogue.proxy != null
  ]))

  executions = {
    for source, differs in var.sources : source => {
      source    = source
      catalogue = module.landing.catalogue_keys[source]
      base_url  = differs.base_url
    }
  }

  inputs = { for source, input in local.executions : source => jsonencode(input) }

  # The streams that files are dropped for.
  inboxes = {
    for source, catalogue in local.catalogues : source => [
      for stream, described in catalogue.streams : stream if try(described.inbox, false)
    ]
    if anytrue([for described in values(catalogue.streams) : try(described.inbox, false)])
  }

  # Days that answers are kept as they came: 30d is 30.
  raw_days = merge([
    for source, catalogue in local.catalogues : {
      for stream, described in catalogue.streams : "${source}/${stream}" => tonumber(trimsuffix(described.keep_raw, "d"))
      if can(tonumber(trimsuffix(described.keep_raw, "d")))
    }
  ]...)
}
