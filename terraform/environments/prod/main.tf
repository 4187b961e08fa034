module "platform" {
  source = "../../modules/platform"

  environment          = "prod"
  catalogue_folder     = "${path.root}/../../sources"
  package_folder       = var.package_folder
  runs_on              = { architecture = "x86_64" }
  protect              = true # no plan may destroy what holds data
  schedules_enabled    = true
  deployments_kept     = 20 # that a rollback can go back to
  retention_days       = { landing = 400, load = 30, runs = 400, inbox = 90, access_logs = 400 }
  raw_expires          = true
  permissions_boundary = "xmlift-deploy-prod-workload" # of terraform/bootstrap: its apply role may make no role without it

  # An address here stands before the one in terraform/sources/<name>.yaml.
  sources = {
    ewm = { base_url = "https://elm.example.com/ccm" }
    ecb = {}

    price_lists = {} # by files that are dropped into the landing bucket
  }

  logging = {
    functions      = "INFO"
    state_machine  = "ALL"
    execution_data = false # work items name links, and links may give access
    retention_days = 365
    tracing        = "Active"
  }

  alarms = {
    notify           = ["mailto:data-platform@example.com", "mailto:on-call@example.com"]
    runbooks         = "https://github.com/example/xmlift/blob/main/docs/operations.md" # your copy of it
    lag_hours        = 26
    rejected_percent = 1
    daily_usd        = 50
  }

  network = {
    cidr                     = "10.43.0.0/20"
    zones                    = { eu-central-1a = 0, eu-central-1b = 1, eu-central-1c = 2 }
    interface_endpoint_zones = 3
    existing                 = null  # a VPC of its own
    extract                  = null  # outside every VPC: it reads the internet
    nat                      = false # nobody inside leaves the VPC
    flow_logs                = true
  }

  warehouse = {
    base_capacity         = 8
    max_capacity          = 64
    usage_limit_rpu_hours = 64
    snapshots             = { schedule = "cron(0 3 * * ? *)", retention_days = 35 }
    audit_logs            = ["connectionlog", "userlog"]
    readers               = { iam_roles = [], database_users = [] }
    certificate_authority = "/var/task/botocore/cacert.pem" # in every package
  }

  flow = {
    extract_concurrency                  = 16
    extract_tolerated_failure_percentage = 25
    load_concurrency                     = 4

    retry     = { attempts = 4, first_wait_seconds = 2, backoff = 2.5, longest_wait_seconds = 60 }
    timeouts  = { run_hours = 24, hook_seconds = 960 }
    hooks     = { before_extract = null, after_load = null } # ARNs of functions of your own
    event_bus = "default"                                    # where completed runs are announced
  }
}
