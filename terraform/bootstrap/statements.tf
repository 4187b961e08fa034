# What plan and apply may do. A service's actions stand as `service:*` on names that are ours: to create, read back, tag
# and delete one resource Terraform's provider needs a dozen of them, and which ones changes with its version.

locals {
  scope = "${var.region}:${var.account_id}"
  arn   = "arn:${local.partition}"

  # By service, what of it carries our name.
  ours = {
    cloudwatch          = ["${local.arn}:cloudwatch:${local.scope}:alarm:${local.name}-*", "${local.arn}:cloudwatch::${var.account_id}:dashboard/${local.name}*"]
    events              = ["${local.arn}:events:${local.scope}:rule/${local.name}-*"]
    lambda              = ["${local.arn}:lambda:${local.scope}:function:${local.name}-*"]
    logs                = ["${local.arn}:logs:${local.scope}:log-group:/aws/lambda/${local.name}-*", "${local.arn}:logs:${local.scope}:log-group:/aws/redshift/${local.name}/*", "${local.arn}:logs:${local.scope}:log-group:/aws/vendedlogs/states/${local.name}-*"]
    redshift-serverless = ["${local.arn}:redshift-serverless:${local.scope}:*"] # ids, not names, stand in its ARNs
    s3                  = ["${local.arn}:s3:::${local.name}-*"]
    scheduler           = ["${local.arn}:scheduler:${local.scope}:schedule-group/${local.name}", "${local.arn}:scheduler:${local.scope}:schedule/${local.name}/*"]
    sns                 = ["${local.arn}:sns:${local.scope}:${local.name}-*"]
    sqs                 = ["${local.arn}:sqs:${local.scope}:${local.name}-*"]
    states              = ["${local.arn}:states:${local.scope}:stateMachine:${local.name}-*"]
  }

  # Of the environment's key, by the provider's default tags; the key of the state has others.
  key_tags = { project = "xmlift", environment = var.environment, managed_by = "terraform" }

  own_roles = "${local.arn}:iam::${var.account_id}:role/${local.name}-*"

  # Secrets are described, never read: their values are none of Terraform's business.
  read_everything_planned = [
    {
      Sid    = "ReadWhatIsDeployed"
      Effect = "Allow"
      Action = [
        "cloudwatch:Describe*", "cloudwatch:Get*", "cloudwatch:List*",
        "ec2:Describe*",
        "events:Describe*", "events:List*",
        "iam:GetPolicy", "iam:GetPolicyVersion", "iam:GetRole", "iam:GetRolePolicy", "iam:ListAttachedRolePolicies",
        "iam:ListRolePolicies",
        "kms:DescribeKey", "kms:GetKeyPolicy", "kms:GetKeyRotationStatus", "kms:ListAliases", "kms:ListResourceTags",
        "lambda:Get*", "lambda:List*",
        "logs:Describe*", "logs:List*",
        "redshift-serverless:Get*", "redshift-serverless:List*",
        "s3:GetAccelerateConfiguration", "s3:GetBucket*", "s3:GetEncryptionConfiguration", "s3:GetLifecycleConfiguration",
        "s3:GetReplicationConfiguration", "s3:ListBucket",
        "scheduler:Get*", "scheduler:List*",
        "secretsmanager:DescribeSecret", "secretsmanager:GetResourcePolicy",
        "sns:Get*", "sns:List*",
        "sqs:Get*", "sqs:List*",
        "states:Describe*", "states:List*", "states:ValidateStateMachineDefinition",
        "xray:GetSamplingRules", "xray:ListTagsForResource",
      ]
      Resource = "*" # lists and descriptions are of the account; of data nothing is read here
    },
    {
      # Objects' heads, functions' environments, schedules' inputs and the state machine's definition are answered to who
      # may decrypt them alone.
      Sid      = "ReadWhatIsEncrypted"
      Effect   = "Allow"
      Action   = "kms:Decrypt"
      Resource = "${local.arn}:kms:${local.scope}:key/*"
      Condition = {
        StringEquals = merge(
          { for tag, value in local.key_tags : "aws:ResourceTag/${tag}" => value },
          { "kms:ViaService" = [for service in ["lambda", "s3", "scheduler", "states"] : "${service}.${var.region}.amazonaws.com"] },
        )
      }
    },
    {
      Sid      = "ButNoCredentials"
      Effect   = "Deny"
      Action   = ["redshift-serverless:GetCredentials", "secretsmanager:GetSecretValue"]
      Resource = "*"
    },
    {
      Sid      = "CompareCataloguesAndPackages"
      Effect   = "Allow"
      Action   = ["s3:GetObject", "s3:GetObjectTagging", "s3:GetObjectVersion"]
      Resource = ["${local.arn}:s3:::${local.name}-*/catalogue/*", "${local.arn}:s3:::${local.name}-*/functions/*"]
    },
  ]

  read_state = [
    {
      Sid      = "ListState"
      Effect   = "Allow"
      Action   = "s3:ListBucket"
      Resource = local.state_arn
    },
    {
      Sid      = "ReadState"
      Effect   = "Allow"
      Action   = "s3:GetObject"
      Resource = "${local.state_arn}/${local.state_key}"
    },
    {
      Sid      = "DecryptState"
      Effect   = "Allow"
      Action   = "kms:Decrypt"
      Resource = aws_kms_key.state.arn
    },
  ]

  read_packages = [
    {
      Sid      = "ListPackages"
      Effect   = "Allow"
      Action   = "s3:ListBucket"
      Resource = local.artifact_arn
    },
    {
      Sid      = "ReadPackages"
      Effect   = "Allow"
      Action   = "s3:GetObject"
      Resource = "${local.artifact_arn}/*"
    },
    {
      Sid      = "DecryptPackages"
      Effect   = "Allow"
      Action   = "kms:Decrypt"
      Resource = "${local.arn}:kms:${var.artifacts.region}:${var.artifacts.account_id}:key/*" # its id is known to its own account alone; its policy decides
      Condition = {
        StringEquals = { "kms:ViaService" = local.reading.through }
      }
    },
  ]

  write_packages = [
    {
      Sid      = "WritePackages"
      Effect   = "Allow"
      Action   = "s3:PutObject"
      Resource = "${local.artifact_arn}/*"
    },
    {
      Sid      = "EncryptPackages"
      Effect   = "Allow"
      Action   = "kms:GenerateDataKey"
      Resource = [for key in aws_kms_key.artifacts : key.arn]
    },
  ]

  write_state = [
    {
      Sid      = "WriteState"
      Effect   = "Allow"
      Action   = "s3:PutObject"
      Resource = "${local.state_arn}/${local.state_key}"
    },
    {
      Sid      = "LockState"
      Effect   = "Allow"
      Action   = ["s3:GetObject", "s3:PutObject", "s3:DeleteObject"]
      Resource = "${local.state_arn}/${local.state_key}.tflock"
    },
    {
      Sid      = "EncryptState"
      Effect   = "Allow"
      Action   = "kms:GenerateDataKey"
      Resource = aws_kms_key.state.arn
    },
  ]

  change_what_is_ours = concat(
    [for service, resources in local.ours : {
      Sid      = "Change${replace(title(replace(service, "-", " ")), " ", "")}"
      Effect   = "Allow"
      Action   = "${service}:*"
      Resource = resources
    }],
    [
      {
        Sid    = "ChangeTheNetwork"
        Effect = "Allow"
        Action = [
          "ec2:*Address*", "ec2:*FlowLogs", "ec2:*InternetGateway*", "ec2:*NatGateway*", "ec2:*RouteTable*", "ec2:*SecurityGroup*",
          "ec2:*Subnet*", "ec2:*Tags", "ec2:*Vpc*", "ec2:CreateRoute", "ec2:DeleteRoute", "ec2:ReplaceRoute",
          "ec2:DeleteNetworkInterface", "ec2:DetachNetworkInterface", # what Lambda leaves for a while in a security group
        ]
        Resource  = "*" # what is made has no name yet, and its id is AWS's to give
        Condition = { StringEquals = { "aws:RequestedRegion" = var.region } }
      },
      {
        Sid      = "GiveEndpointsPrivateNames"
        Effect   = "Allow"
        Action   = "route53:AssociateVPCWithHostedZone"
        Resource = "*" # the zone of an interface endpoint is AWS's own, and so is its id
      },
      {
        # The warehouse makes its administrator's secret in the name of whoever makes the namespace.
        Sid    = "ChangeSecretsButNotTheirValues"
        Effect = "Allow"
        Action = [
          "secretsmanager:CreateSecret", "secretsmanager:DeleteSecret", "secretsmanager:RotateSecret", "secretsmanager:TagResource",
          "secretsmanager:UntagResource", "secretsmanager:UpdateSecret",
        ]
        Resource = [
          "${local.arn}:secretsmanager:${local.scope}:secret:xmlift/${var.environment}/*",
          "${local.arn}:secretsmanager:${local.scope}:secret:redshift!${local.name}-*",
        ]
      },
      {
        Sid    = "WhatHasNoResource"
        Effect = "Allow"
        Action = [
          "secretsmanager:GetRandomPassword",
          "sns:SetSubscriptionAttributes", "sns:Unsubscribe",
        ]
        Resource = "*" # IAM knows no narrower one: a password that is nobody's yet, a subscription
      },
      {
        # A key has an id, not a name: what it is for stands in its tags. KMS asks for TagResource before there is a key,
        # so that it cannot be bound to ours; the boundary keeps it from those of the bootstrap.
        Sid       = "MakeAKeyOfTheEnvironment"
        Effect    = "Allow"
        Action    = ["kms:CreateKey", "kms:TagResource"]
        Resource  = "*"
        Condition = { StringEquals = { for tag, value in local.key_tags : "aws:RequestTag/${tag}" => value } }
      },
      {
        Sid    = "ChangeAndUseTheKeyOfTheEnvironment"
        Effect = "Allow"
        Action = [
          "kms:CancelKeyDeletion", "kms:CreateGrant", "kms:Decrypt", "kms:DisableKeyRotation", "kms:Encrypt", "kms:GenerateDataKey*",
          "kms:PutKeyPolicy", "kms:RetireGrant", "kms:ScheduleKeyDeletion", "kms:TagResource", "kms:UntagResource",
          "kms:UpdateKeyDescription",
        ]
        Resource  = "${local.arn}:kms:${local.scope}:key/*"
        Condition = { StringEquals = { for tag, value in local.key_tags : "aws:ResourceTag/${tag}" => value } }
      },
      {
        # At once after it is made, when its tags do not count yet: that takes KMS up to five minutes.
        Sid      = "RotateTheNewKey"
        Effect   = "Allow"
        Action   = "kms:EnableKeyRotation"
        Resource = "${local.arn}:kms:${local.scope}:key/*"
      },
      {
        Sid      = "NameTheKeyOfTheEnvironment"
        Effect   = "Allow"
        Action   = ["kms:CreateAlias", "kms:DeleteAlias", "kms:UpdateAlias"]
        Resource = ["${local.arn}:kms:${local.scope}:alias/${local.name}", "${local.arn}:kms:${local.scope}:key/*"]
      },
      {
        Sid      = "ChangeUsageLimits"
        Effect   = "Allow"
        Action   = ["redshift-serverless:CreateUsageLimit", "redshift-serverless:DeleteUsageLimit", "redshift-serverless:UpdateUsageLimit"]
        Resource = "*" # Redshift Serverless knows no resource for them
      },
      {
        Sid    = "ChangeSampling"
        Effect = "Allow"
        Action = ["xray:CreateSamplingRule", "xray:DeleteSamplingRule", "xray:TagResource", "xray:UpdateSamplingRule"]
        Resource = [
          "${local.arn}:xray:${local.scope}:sampling-rule/${local.name}",
        ]
      },
      {
        # Whoever may make a role may become it: only with the boundary is it not more than apply itself.
        Sid       = "MakeRolesWithinTheBoundary"
        Effect    = "Allow"
        Action    = ["iam:CreateRole", "iam:PutRolePermissionsBoundary", "iam:PutRolePolicy"]
        Resource  = local.own_roles
        Condition = { StringEquals = { "iam:PermissionsBoundary" = aws_iam_policy.boundary["workload"].arn } }
      },
      {
        Sid    = "ChangeRoles"
        Effect = "Allow"
        Action = [
          "iam:DeleteRole", "iam:DeleteRolePolicy", "iam:ListInstanceProfilesForRole", "iam:TagRole", "iam:UntagRole",
          "iam:UpdateAssumeRolePolicy", "iam:UpdateRole",
        ]
        Resource = local.own_roles
      },
      {
        Sid      = "PassRolesToTheirServices"
        Effect   = "Allow"
        Action   = "iam:PassRole"
        Resource = local.own_roles
        Condition = {
          StringEquals = {
            "iam:PassedToService" = [
              "events.amazonaws.com", "lambda.amazonaws.com", "redshift-serverless.amazonaws.com", "redshift.amazonaws.com",
              "scheduler.amazonaws.com", "states.amazonaws.com",
            ]
          }
        }
      },
      {
        Sid       = "MakeTheServicesOwnRoles"
        Effect    = "Allow"
        Action    = "iam:CreateServiceLinkedRole"
        Resource  = "${local.arn}:iam::${var.account_id}:role/aws-service-role/*"
        Condition = { StringEquals = { "iam:AWSServiceName" = ["redshift.amazonaws.com", "redshift-serverless.amazonaws.com"] } }
      },
      {
        Sid      = "DeliverLogsOfTheStateMachine"
        Effect   = "Allow"
        Action   = ["logs:*LogDelivery", "logs:DescribeResourcePolicies", "logs:ListLogDeliveries", "logs:PutResourcePolicy"]
        Resource = "*" # log deliveries are of the account: CloudWatch Logs knows no resource for them
      },
    ],
  )
}
