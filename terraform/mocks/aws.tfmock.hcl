# What AWS would make up, for tests of whole environments: with an entry here a resource's own ids are known when it is
# planned, and the resources that name it can be compared.

mock_resource "aws_vpc" {}
mock_resource "aws_subnet" {}
mock_resource "aws_route_table" {}
mock_resource "aws_security_group" {}
mock_resource "aws_vpc_endpoint" {}
mock_resource "aws_default_security_group" {}
mock_resource "aws_cloudwatch_log_group" {}
mock_resource "aws_kms_key" {}
