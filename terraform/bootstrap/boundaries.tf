# Ceilings, whatever else a policy says: of the roles that deploy, and of those that they make.

locals {
  boundaries = {
    # Roles of the environment: its functions, state machine, schedules, COPY.
    workload = [
      {
        Sid    = "WhatWorkloadsDo"
        Effect = "Allow"
        Action = [
          "cloudwatch:PutMetricData",
          "ec2:AssignPrivateIpAddresses", "ec2:CreateNetworkInterface", "ec2:DeleteNetworkInterface", "ec2:Describe*",
          "ec2:UnassignPrivateIpAddresses",
          "events:PutEvents",
          "kms:Decrypt", "kms:GenerateDataKey",
          "lambda:InvokeFunction",
          "logs:*",
          "redshift-serverless:GetCredentials",
          "s3:GetBucketLocation", "s3:GetObject", "s3:GetObjectVersion", "s3:ListBucket", "s3:PutObject",
          "secretsmanager:GetSecretValue",
          "sns:Publish",
          "sqs:SendMessage",
          "states:*",
          "xray:*",
        ]
        Resource = "*" # a ceiling: what a role may do stands in its own policy, resource by resource
      },
    ]

    # The two roles that deploy.
    deployment = [
      {
        Sid      = "WhatDeployingTakes"
        Effect   = "Allow"
        Action   = concat([for service in sort(keys(local.ours)) : "${service}:*"], ["ec2:*", "iam:*", "kms:*", "secretsmanager:*", "xray:*"])
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
          "kms:DisableKey", "kms:PutKeyPolicy", "kms:ScheduleKeyDeletion",
        ]
        Resource = "*" # nothing of the kind belongs to the environment
      },
      {
        Sid       = "NoChangeOfWhoDeploys"
        Effect    = "Deny"
        NotAction = ["iam:Get*", "iam:List*"]
        Resource  = "${local.arn}:iam::${var.account_id}:role/xmlift-deploy-*"
      },
      {
        Sid      = "NoStateIsLost"
        Effect   = "Deny"
        Action   = ["s3:DeleteBucket*", "s3:DeleteObjectVersion", "s3:PutBucket*", "s3:PutEncryptionConfiguration", "s3:PutLifecycleConfiguration"]
        Resource = [local.state_arn, "${local.state_arn}/*"]
      },
    ]
  }
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
