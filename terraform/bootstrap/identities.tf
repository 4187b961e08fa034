# Who may plan and who may apply: GitHub's workflows by their own identity, without a key that could be lost.

data "aws_partition" "current" {}

locals {
  partition = data.aws_partition.current.partition
  name      = "xmlift-${var.environment}"
  deploy    = "xmlift-deploy-${var.environment}" # outside of what apply may touch: xmlift-<environment>-*
  state_arn = "arn:${local.partition}:s3:::${local.state_bucket}"
  issuer    = "token.actions.githubusercontent.com"
  oidc_arn  = "arn:${local.partition}:iam::${var.account_id}:oidc-provider/${local.issuer}"

  # What a workflow's token says of itself. A pull request may plan; only a job in the GitHub environment of this name,
  # behind whose approvals it waits, may apply. Packages are published of what is merged.
  subjects = merge(local.deployers, local.keeps_artifacts ? { publish = ["repo:${var.repository}:ref:refs/heads/${var.branch}"] } : {})

  deployers = {
    plan = [
      "repo:${var.repository}:pull_request",
      "repo:${var.repository}:ref:refs/heads/${var.branch}",
    ]
    apply = ["repo:${var.repository}:environment:${var.environment}"]
  }

  permissions = merge(
    {
      plan  = [local.read_everything_planned, local.read_state, local.read_packages]
      apply = [local.read_everything_planned, local.read_state, local.read_packages, local.write_state, local.change_what_is_ours]
    },
    local.keeps_artifacts ? { publish = [local.read_packages, local.write_packages] } : {},
  )
}

resource "aws_iam_openid_connect_provider" "github" {
  count = var.create_oidc_provider ? 1 : 0

  url            = "https://${local.issuer}"
  client_id_list = ["sts.amazonaws.com"]
}

resource "aws_iam_role" "this" {
  # checkov:skip=CKV_AWS_393: it cannot read the claims, which name one repository and branch or environment, without wildcards

  for_each = local.subjects

  name                 = "${local.deploy}-${each.key}"
  max_session_duration = 3600
  permissions_boundary = aws_iam_policy.boundary["deployment"].arn
  assume_role_policy = jsonencode({
    Version = "2012-10-17"
    Statement = [{
      Effect    = "Allow"
      Action    = "sts:AssumeRoleWithWebIdentity"
      Principal = { Federated = local.oidc_arn }
      Condition = {
        StringEquals = {
          "${local.issuer}:aud" = "sts.amazonaws.com"
          "${local.issuer}:sub" = each.value
        }
      }
    }]
  })

  depends_on = [aws_iam_openid_connect_provider.github]
}

resource "aws_iam_role_policy" "this" {
  for_each = local.permissions

  name = "permissions"
  role = aws_iam_role.this[each.key].name
  policy = jsonencode({
    Version   = "2012-10-17"
    Statement = flatten(each.value)
  })
}
