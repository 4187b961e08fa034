resource "aws_iam_role" "this" {
  for_each = local.trust

  name                 = "${var.name}-${each.key}"
  permissions_boundary = var.permissions_boundary_arn
  assume_role_policy = jsonencode({
    Version   = "2012-10-17"
    Statement = [each.value]
  })
}

resource "aws_iam_role_policy" "this" {
  for_each = local.statements

  name = "permissions"
  role = aws_iam_role.this[each.key].name
  policy = jsonencode({
    Version   = "2012-10-17"
    Statement = each.value
  })
}

# Apart from the others: they name the workgroup, which exists only after this role does.
resource "aws_iam_role_policy" "copy" {
  name = "permissions"
  role = aws_iam_role.this["copy"].name
  policy = jsonencode({
    Version   = "2012-10-17"
    Statement = local.copy
  })
}
