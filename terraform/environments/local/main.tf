module "platform" {
  source = "../../modules/platform"

  environment          = "local"
  catalogue_folder     = "${path.root}/../../sources"
  package_folder       = var.package_folder
  runs_on              = null # whatever was packaged: the emulator runs the functions on this machine
  protect              = false
  schedules_enabled    = false                                                                          # executions are started by hand: the emulator's clock starts nothing unasked
  deployments_kept     = 5                                                                              # that a rollback can go back to
  retention_days       = { landing = null, load = null, runs = null, inbox = null, access_logs = null } # gone with the emulator
  raw_expires          = false                                                                          # gone with the emulator, too: the provider waits a minute for a bucket's lifecycle
  permissions_boundary = null                                                                           # of a real account

  sources = {
    ewm        = { base_url = "${var.endpoint_url}/ccm" }
    doors_next = { base_url = "${var.endpoint_url}/rm" }
    etm        = { base_url = "${var.endpoint_url}/qm" }
    oslc       = { base_url = "${var.endpoint_url}/cqweb" }
    ecb        = { base_url = var.endpoint_url }
    ewm_oslc   = { base_url = "${var.endpoint_url}/jazz" }

    price_lists = {} # by files that are dropped: make drop
  }

  logging = {
    functions      = "INFO"
    state_machine  = "ALL"
    execution_data = true
    retention_days = 1
    tracing        = "PassThrough"
  }

  alarms = {
    notify           = [] # nobody reads mail from an emulator
    runbooks         = "docs/operations.md"
    lag_hours        = null
    rejected_percent = null
    daily_usd        = null
  }

  network = {
    cidr                     = "10.40.0.0/20"
    zones                    = { us-east-1a = 0, us-east-1b = 1, us-east-1c = 2 }
    interface_endpoint_zones = 1
    existing                 = null  # a VPC of its own
    extract                  = null  # outside every VPC: it reads the internet
    nat                      = false # nobody inside leaves the VPC
    flow_logs                = false
  }

  warehouse = {
    base_capacity         = 8
    max_capacity          = 8
    usage_limit_rpu_hours = 8
    snapshots             = null # gone with the emulator
    audit_logs            = ["connectionlog", "userlog"]
    readers               = { iam_roles = [], database_users = [] }
    certificate_authority = var.certificate_authority_file
  }

  flow = {
    extract_concurrency                  = var.extract_concurrency
    extract_tolerated_failure_percentage = 50
    load_concurrency                     = 2

    retry     = { attempts = 4, first_wait_seconds = 2, backoff = 2.5, longest_wait_seconds = 60 }
    timeouts  = { run_hours = 24, hook_seconds = 960 }
    hooks     = { before_extract = var.before_extract, after_load = var.after_load }
    event_bus = "default" # where completed runs are announced
  }
}
