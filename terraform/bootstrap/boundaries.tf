# Ceilings, whatever else a policy says: of the roles that deploy, and of those that they make.

locals {
  boundaries = {
    # Roles of the environment: its functions, state machine, schedules, COPY.
    workload = [
      {
        Sid    = "WhatWorkloadsDo"
        Effect = "Allow"
        # Each action that a role of an environment is granted, and no other: a test holds the two together.
        Action = [
          "ec2:AssignPrivateIpAddresses", "ec2:CreateNetworkInterface", "ec2:DeleteNetworkInterface",
          "ec2:DescribeNetworkInterfaces", "ec2:DescribeSubnets", "ec2:UnassignPrivateIpAddresses",
          "events:PutEvents",
          "kms:Decrypt", "kms:GenerateDataKey",
          "lambda:InvokeFunction",
          "logs:CreateLogDelivery", "logs:CreateLogStream", "logs:DeleteLogDelivery", "logs:DescribeLogGroups",
          "logs:DescribeResourcePolicies", "logs:GetLogDelivery", "logs:ListLogDeliveries", "logs:PutLogEvents",
          "logs:PutResourcePolicy", "logs:UpdateLogDelivery",
          "redshift-serverless:CreateSnapshot", "redshift-serverless:GetCredentials",
          "s3:GetBucketLocation", "s3:GetObject", "s3:GetObjectVersion", "s3:ListBucket", "s3:PutObject",
          "secretsmanager:GetSecretValue",
          "sns:Publish",
          "states:DescribeExecution", "states:RedriveExecution", "states:StartExecution", "states:StopExecution",
          "xray:GetSamplingRules", "xray:GetSamplingTargets", "xray:PutTelemetryRecords", "xray:PutTraceSegments",
        ]
        Resource = "*" # a ceiling: what a role may do stands in its own policy, resource by resource
      },
    ]

    # The roles that publish, plan and apply.
    deployment = concat(local.what_is_protected, [
      {
        Sid      = "WhatDeployingTakes"
        Effect   = "Allow"
        Action   = concat([for service in sort(keys(local.ours)) : "${service}:*"], ["ec2:*", "iam:*", "kms:*", "route53:AssociateVPCWithHostedZone", "secretsmanager:*", "xray:*"])
        Resource = "*" # a ceiling, see above
      },
      {
        # The state, the identity provider, the boundaries and the deploying roles are changed by people alone.
        Sid    = "NothingOfTheBootstrap"
        Effect = "Deny"
        Action = [
          "iam:*AccessKey*", "iam:*Group*", "iam:*LoginProfile*", "iam:*OpenIDConnectProvider*", "iam:*SAMLProvider*", "iam:*User*",
          "iam:CreatePolicyVersion", "iam:DeletePolicy", "iam:DeletePolicyVersion", "iam:DeleteRolePermissionsBoundary",
          "iam:SetDefaultPolicyVersion",
        ]
        Resource = "*" # nothing of the kind belongs to the environment
      },
      {
        # Of the state and of the packages. Tags say whose a key is: who could give it others would have it.
        Sid      = "TheKeysOfTheBootstrapStay"
        Effect   = "Deny"
        Action   = local.seizing_a_key
        Resource = concat([aws_kms_key.state.arn], aws_kms_key.artifacts[*].arn)
      },
      {
        # A key without that tag cannot be told from one that is being made: keep no other in the account.
        Sid       = "KeysOfOthersStay"
        Effect    = "Deny"
        Action    = local.seizing_a_key
        Resource  = "*" # whatever key of the account says that it is not an environment's
        Condition = { Null = { "aws:ResourceTag/managed_by" = "false" }, StringNotEquals = { "aws:ResourceTag/managed_by" = local.key_tags.managed_by } }
      },
      {
        Sid       = "NoChangeOfWhoDeploys"
        Effect    = "Deny"
        NotAction = ["iam:Get*", "iam:List*"]
        Resource  = "${local.arn}:iam::${var.account_id}:role/xmlift-deploy-*"
      },
      {
        Sid      = "NoStateAndNoPackageIsLost"
        Effect   = "Deny"
        Action   = ["s3:DeleteBucket*", "s3:DeleteObjectVersion", "s3:PutBucket*", "s3:PutEncryptionConfiguration", "s3:PutLifecycleConfiguration"]
        Resource = [local.state_arn, "${local.state_arn}/*", local.artifact_arn, "${local.artifact_arn}/*"]
      },
    ])
  }

  # Terraform's own guard stands in the code that is deployed, and goes with it. This one does not.
  what_is_protected = [
    for statement in [
      {
        Sid    = "NoWarehouseIsLost"
        Effect = "Deny"
        Action = [
          "redshift-serverless:DeleteNamespace", "redshift-serverless:DeleteSnapshot", "redshift-serverless:Restore*",
          "redshift-serverless:UpdateSnapshot",
        ]
        Resource = "*" # ids, not names, stand in its ARNs
      },
      {
        Sid      = "NoKeyIsLost"
        Effect   = "Deny"
        Action   = ["kms:DisableKey", "kms:ScheduleKeyDeletion"]
        Resource = "*" # nor in those of keys: without its key nothing can be read, snapshots included
      },
      {
        Sid      = "NothingThatLandedIsLost"
        Effect   = "Deny"
        Action   = ["s3:DeleteBucket", "s3:DeleteObject*"]
        Resource = concat([local.landing_arn], [for prefix in ["inbox", "landing", "raw"] : "${local.landing_arn}/${prefix}/*"])
      },
    ] : statement if var.protect
  ]

  seizing_a_key = ["kms:DisableKey", "kms:PutKeyPolicy", "kms:ScheduleKeyDeletion", "kms:TagResource", "kms:UntagResource"]

  landing_arn = "${local.arn}:s3:::${local.name}-landing-${var.account_id}"
}

resource "aws_iam_policy" "boundary" {
  for_each = local.boundaries

  name        = "${local.deploy}-${each.key}"
  description = "The most that ${each.key == "workload" ? "roles of ${local.name}" : "roles that deploy ${local.name}"} may do"
  policy = jsonencode({
    Version   = "2012-10-17"
    Statement = each.value
  })
}
