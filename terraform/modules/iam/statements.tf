# Who may do what, in full: every role, who may take it on, and every statement of it.
# "*" stands only where AWS accepts no narrower resource, with the reason beside it.

locals {
  partition       = var.account.partition
  role_arn_prefix = "arn:${local.partition}:iam::${var.account.id}:role/${var.name}"

  bucket = "arn:${local.partition}:s3:::${var.landing_bucket}"
  # Each run keeps a copy of its catalogue: an apply takes away the file that it began with.
  run_catalogues = "${local.bucket}/runs/*/catalogue.yaml"
  # Why a window or a stream failed: a note for report, and all that extract and load may write of a run.
  failures = "${local.bucket}/runs/*/failures/*"
  states   = "arn:${local.partition}:states:${var.account.region}:${var.account.id}"
  machine  = "${local.states}:stateMachine:${var.state_machine.name}"
  # Of the pipeline itself; children of its Map have another name.
  executions = "${local.states}:execution:${var.state_machine.name}:*"
  children   = "${local.states}:execution:${var.state_machine.name}/${var.state_machine.map_label}:*"
  topic      = "arn:${local.partition}:sns:${var.account.region}:${var.account.id}:${var.failures_topic}"
  bus        = "arn:${local.partition}:events:${var.account.region}:${var.account.id}:event-bus/${var.event_bus}"
  rules      = "arn:${local.partition}:events:${var.account.region}:${var.account.id}:rule"
  groups     = "arn:${local.partition}:scheduler:${var.account.region}:${var.account.id}:schedule-group"

  # Secrets Manager adds a hyphen and six characters to a secret's name to make its ARN.
  source_secret_arns = [
    for name in var.source_secrets :
    "arn:${local.partition}:secretsmanager:${var.account.region}:${var.account.id}:secret:${name}-??????"
  ]
}

# Who may take a role on.
locals {
  trust = merge(
    {
      for step, _ in var.functions : step => {
        Effect    = "Allow"
        Action    = "sts:AssumeRole"
        Principal = { Service = "lambda.amazonaws.com" }
      }
    },
    {
      copy = {
        Effect = "Allow"
        Action = "sts:AssumeRole"
        # Redshift Serverless takes the role on, and hands it to COPY as the first of the two.
        Principal = { Service = ["redshift.amazonaws.com", "redshift-serverless.amazonaws.com"] }
      }
      pipeline = {
        Effect    = "Allow"
        Action    = "sts:AssumeRole"
        Principal = { Service = "states.amazonaws.com" }
        Condition = {
          StringEquals = { "aws:SourceAccount" = var.account.id }
          # Itself, a version or alias of it, and the children of its Map, which run as NAME/LABEL.
          ArnLike = { "aws:SourceArn" = [local.machine, "${local.machine}:*", "${local.machine}/*"] }
        }
      }
      inbox = {
        Effect    = "Allow"
        Action    = "sts:AssumeRole"
        Principal = { Service = "events.amazonaws.com" }
        Condition = {
          StringEquals = { "aws:SourceAccount" = var.account.id }
          # A rule for each source that files are dropped for.
          ArnLike = { "aws:SourceArn" = "${local.rules}/${var.name}-*" }
        }
      }
    },
    # The one that starts the pipeline; and where snapshots are taken by schedule, the one that takes them.
    {
      for role in concat(["schedule"], var.takes_snapshots ? ["snapshot"] : []) : role => {
        Effect    = "Allow"
        Action    = "sts:AssumeRole"
        Principal = { Service = "scheduler.amazonaws.com" }
        Condition = {
          StringEquals = {
            "aws:SourceAccount" = var.account.id
            "aws:SourceArn"     = "${local.groups}/${var.schedule_group}"
          }
        }
      }
    },
  )
}

# What functions share.
locals {
  write_own_log = {
    for step, function in var.functions : step => [{
      Sid    = "WriteOwnLog"
      Effect = "Allow"
      Action = ["logs:CreateLogStream", "logs:PutLogEvents"]
      Resource = join(":", [
        "arn", local.partition, "logs", var.account.region, var.account.id, "log-group", function.log_group, "*",
      ])
    }]
  }

  run_in_vpc = {
    for step, function in var.functions : step => [
      for statement in [
        {
          Sid    = "AttachToTheVpc"
          Effect = "Allow"
          Action = [
            "ec2:AssignPrivateIpAddresses",
            "ec2:CreateNetworkInterface",
            "ec2:DeleteNetworkInterface",
            "ec2:DescribeNetworkInterfaces",
            "ec2:DescribeSubnets",
            "ec2:UnassignPrivateIpAddresses",
          ]
          # Lambda checks these on "*" before it creates a function in a VPC, and refuses anything narrower.
          Resource  = "*"
          Condition = {}
        },
        {
          Sid    = "ButNotFromTheCode"
          Effect = "Deny"
          Action = [
            "ec2:AssignPrivateIpAddresses",
            "ec2:CreateNetworkInterface",
            "ec2:DeleteNetworkInterface",
            "ec2:DescribeNetworkInterfaces",
            "ec2:DescribeSubnets",
            "ec2:UnassignPrivateIpAddresses",
          ]
          # The service needs them, the function's own code, which holds the same role, does not.
          Resource  = "*"
          Condition = { ArnEquals = { "lambda:SourceFunctionArn" = function.arn } }
        },
      ] : { for key, value in statement : key => value if value != {} } if function.in_vpc
    ]
  }

  trace = var.tracing ? [{
    Sid      = "Trace"
    Effect   = "Allow"
    Action   = ["xray:PutTelemetryRecords", "xray:PutTraceSegments"]
    Resource = "*" # X-Ray knows no resources
  }] : []

  # For Step Functions, whose executions begin a trace; Lambda asks for itself what functions are to trace.
  decide_what_is_traced = var.tracing ? [{
    Sid      = "DecideWhatIsTraced"
    Effect   = "Allow"
    Action   = ["xray:GetSamplingRules", "xray:GetSamplingTargets"]
    Resource = "*" # see above
  }] : []

  log_in_to_warehouse = [{
    Sid      = "LogInToTheWarehouse"
    Effect   = "Allow"
    Action   = "redshift-serverless:GetCredentials"
    Resource = var.workgroup_arn
  }]

  list_bucket = [{
    # Unconditional: without it S3 answers 403 instead of 404 for a key that is not there.
    Sid      = "ListBucket"
    Effect   = "Allow"
    Action   = "s3:ListBucket"
    Resource = local.bucket
  }]

  write_runs = [{
    Sid      = "WriteRuns"
    Effect   = "Allow"
    Action   = "s3:PutObject"
    Resource = "${local.bucket}/runs/*"
  }]
}

# All that is kept is encrypted with the environment's one key: reading takes Decrypt, writing GenerateDataKey, and the
# service that is called asks for both in the role's name.
locals {
  key_services = {
    plan    = { services = ["s3", "states"], actions = ["kms:Decrypt", "kms:GenerateDataKey"] }
    extract = { services = ["s3", "secretsmanager"], actions = ["kms:Decrypt", "kms:GenerateDataKey"] }
    load    = { services = ["s3"], actions = ["kms:Decrypt", "kms:GenerateDataKey"] }
    report  = { services = ["s3"], actions = ["kms:Decrypt", "kms:GenerateDataKey"] }
    migrate = { services = ["secretsmanager"], actions = ["kms:Decrypt"] }
    copy    = { services = ["s3"], actions = ["kms:Decrypt"] }
  }

  use_key = {
    for role, through in local.key_services : role => [{
      Sid      = "UseTheKey"
      Effect   = "Allow"
      Action   = through.actions
      Resource = var.key_arn
      Condition = {
        StringEquals = {
          "kms:ViaService" = [for service in through.services : "${service}.${var.account.region}.amazonaws.com"]
        }
      }
    }]
  }

  # Lambda decrypts the environment variables in the name of the function's role.
  read_own_environment = {
    for step, function in var.functions : step => [{
      Sid       = "ReadOwnEnvironment"
      Effect    = "Allow"
      Action    = "kms:Decrypt"
      Resource  = var.key_arn
      Condition = { StringEquals = { "kms:EncryptionContext:aws:lambda:FunctionArn" = function.arn } }
    }]
  }
}

# The roles of the functions.
locals {
  plan = concat(local.list_bucket, local.write_runs, local.log_in_to_warehouse, [
    {
      Sid    = "ReadCatalogueClaimAndWhatWasDecided"
      Effect = "Allow"
      Action = "s3:GetObject"
      Resource = [
        "${local.bucket}/catalogue/*",
        local.run_catalogues,
        "${local.bucket}/runs/*/plan-????.json",
        "${local.bucket}/runs/*/running.json",
        # Of a set whose kept answers are to be read again: how many windows it has.
        "${local.bucket}/landing/*/commit.json",
      ]
    },
    {
      Sid      = "AskWhoElseReadsTheSource"
      Effect   = "Allow"
      Action   = "states:DescribeExecution"
      Resource = local.executions
    },
  ])

  extract = concat(local.list_bucket, [
    {
      # Failures as well: a login that one window was refused, the others of the run do not try.
      Sid      = "ReadCatalogueOwnWindowsKeptAnswersAndFailures"
      Effect   = "Allow"
      Action   = "s3:GetObject"
      Resource = [local.run_catalogues, "${local.bucket}/landing/*", "${local.bucket}/raw/*", local.failures]
    },
    {
      # By version: a file may have been dropped anew under the same name meanwhile.
      Sid      = "ReadDroppedFiles"
      Effect   = "Allow"
      Action   = ["s3:GetObject", "s3:GetObjectVersion"]
      Resource = "${local.bucket}/inbox/*"
    },
    {
      Sid      = "WriteWindowsAnswersAndFailures"
      Effect   = "Allow"
      Action   = "s3:PutObject"
      Resource = ["${local.bucket}/landing/*", "${local.bucket}/raw/*", local.failures]
    },
    ], [
    for arns in [local.source_secret_arns] : {
      Sid      = "LogInToSources"
      Effect   = "Allow"
      Action   = "secretsmanager:GetSecretValue"
      Resource = arns
    } if length(arns) > 0
  ])

  load = concat(local.list_bucket, local.log_in_to_warehouse, [
    {
      Sid      = "ReadCatalogueAndWindows"
      Effect   = "Allow"
      Action   = "s3:GetObject"
      Resource = [local.run_catalogues, "${local.bucket}/landing/*"]
    },
    {
      Sid      = "WriteManifestsAndFailures"
      Effect   = "Allow"
      Action   = "s3:PutObject"
      Resource = ["${local.bucket}/load/*", local.failures]
    },
  ])

  report = concat(local.list_bucket, local.write_runs, local.log_in_to_warehouse, [{
    Sid    = "ReadCatalogueRunsAndWindows"
    Effect = "Allow"
    Action = "s3:GetObject"
    Resource = [
      "${local.bucket}/catalogue/*",
      "${local.bucket}/landing/*",
      "${local.bucket}/runs/*",
    ]
  }])

  migrate = [{
    Sid      = "ReadAdministratorSecret"
    Effect   = "Allow"
    Action   = "secretsmanager:GetSecretValue"
    Resource = var.admin_secret_arn
  }]
}

# The role that COPY reads with.
locals {
  copy = [
    {
      Sid      = "ReadWindowsAndManifests"
      Effect   = "Allow"
      Action   = "s3:GetObject"
      Resource = ["${local.bucket}/landing/*", "${local.bucket}/load/*"]
    },
    {
      Sid      = "FindTheBucket"
      Effect   = "Allow"
      Action   = ["s3:GetBucketLocation", "s3:ListBucket"]
      Resource = local.bucket
    },
    local.use_key.copy[0],
  ]
}

# The state machine's role, and those that schedules and dropped files start it with.
locals {
  pipeline = concat(local.trace, local.decide_what_is_traced, [
    {
      Sid      = "CallTheSteps"
      Effect   = "Allow"
      Action   = "lambda:InvokeFunction"
      Resource = [for step in ["plan", "extract", "load", "report"] : "${var.functions[step].arn}:live"]
    },
    {
      Sid      = "ReadWorkLists"
      Effect   = "Allow"
      Action   = "s3:GetObject"
      Resource = "${local.bucket}/runs/*"
    },
    {
      Sid      = "StartChildrenOfTheMap"
      Effect   = "Allow"
      Action   = "states:StartExecution"
      Resource = local.machine
    },
    {
      Sid      = "FollowAndStopThem"
      Effect   = "Allow"
      Action   = ["states:DescribeExecution", "states:StopExecution"]
      Resource = [local.executions, local.children]
    },
    {
      Sid      = "RedriveThem"
      Effect   = "Allow"
      Action   = "states:RedriveExecution"
      Resource = local.children
    },
    {
      # Consumers go by the event's source: nothing else is said in its name, and nothing in another's.
      Sid       = "AnnounceCompletedRuns"
      Effect    = "Allow"
      Action    = "events:PutEvents"
      Resource  = local.bus
      Condition = { StringEquals = { "events:source" = "xmlift" } }
    },
    {
      Sid      = "TellOfFailures"
      Effect   = "Allow"
      Action   = "sns:Publish"
      Resource = local.topic
    },
    {
      # Its executions' inputs and history, its log, the work lists and the topic are encrypted.
      Sid      = "UseTheKey"
      Effect   = "Allow"
      Action   = ["kms:Decrypt", "kms:GenerateDataKey"]
      Resource = var.key_arn
    },
    {
      Sid    = "DeliverItsLog"
      Effect = "Allow"
      Action = [
        "logs:CreateLogDelivery",
        "logs:DeleteLogDelivery",
        "logs:DescribeLogGroups",
        "logs:DescribeResourcePolicies",
        "logs:GetLogDelivery",
        "logs:ListLogDeliveries",
        "logs:PutResourcePolicy",
        "logs:UpdateLogDelivery",
      ]
      Resource = "*" # log deliveries are of the account: CloudWatch Logs knows no resource for them
    },
    ], [
    for arns in [var.hooks] : {
      Sid      = "CallTheHooks"
      Effect   = "Allow"
      Action   = "lambda:InvokeFunction"
      Resource = arns
    } if length(arns) > 0
  ])

  start_the_pipeline = [{
    Sid    = "StartThePipeline"
    Effect = "Allow"
    Action = "states:StartExecution"
    # Step Functions asks for the state machine even when its alias is started: the alias is a condition, not a resource.
    Resource  = local.machine
    Condition = { "ForAnyValue:StringEquals" = { "states:StateMachineQualifier" = var.state_machine.alias } }
  }]
}

# The role that the warehouse's snapshots are taken with.
locals {
  snapshot = [{
    Sid    = "TakeSnapshotsOfTheWarehouse"
    Effect = "Allow"
    Action = "redshift-serverless:CreateSnapshot"
    Resource = [
      var.namespace_arn, # not among the action's resources in AWS's reference; unverified
      # A new snapshot's id is AWS's to give. Of which namespace it may be, no resource says.
      "arn:${local.partition}:redshift-serverless:${var.account.region}:${var.account.id}:snapshot/*",
    ]
  }]
}

locals {
  # Scheduler decrypts what a schedule passes in the name of this role.
  read_schedules = [{
    Sid      = "ReadSchedules"
    Effect   = "Allow"
    Action   = "kms:Decrypt"
    Resource = var.key_arn
    Condition = {
      StringLike = {
        "kms:EncryptionContext:aws:scheduler:schedule:arn" = join(":", [
          "arn", local.partition, "scheduler", var.account.region, var.account.id, "schedule/${var.schedule_group}/*",
        ])
      }
    }
  }]
}

locals {
  own_statements = {
    plan    = local.plan
    extract = local.extract
    load    = local.load
    report  = local.report
    migrate = local.migrate
  }

  statements = merge(
    {
      for step, own in local.own_statements :
      step => concat(
        own, local.use_key[step], local.read_own_environment[step], local.write_own_log[step], local.run_in_vpc[step],
        local.trace,
      )
    },
    {
      pipeline = local.pipeline
      schedule = concat(local.start_the_pipeline, local.read_schedules)
      inbox    = local.start_the_pipeline
    },
    { for role in ["snapshot"] : role => concat(local.snapshot, local.read_schedules) if var.takes_snapshots },
  )
}
