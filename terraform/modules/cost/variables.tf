variable "schedules" {
  description = "Schedules that are on: source => expression, as EventBridge Scheduler takes it."
  type        = map(string)
}

variable "base_capacity" {
  description = "RPU that the warehouse has when it is woken."
  type        = number
}

variable "always_there" {
  description = "What is billed whether or not anything happens, in numbers of each."
  type = object({
    interface_endpoints = number
    nat_gateways        = number
    keys                = number
    secrets             = number
    alarms              = number
    dashboards          = number
  })
}

variable "prices" {
  description = "List prices in USD: an hour of an RPU, of an interface endpoint in one zone, of a NAT gateway with its address; a month of a key, a secret, an alarm, a dashboard."
  type = object({
    redshift_rpu_hour       = number
    interface_endpoint_hour = number
    nat_gateway_hour        = number
    kms_key_month           = number
    secret_month            = number
    alarm_month             = number
    dashboard_month         = number
  })
}
