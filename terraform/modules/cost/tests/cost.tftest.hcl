variables {
  schedules     = {}
  base_capacity = 8
  always_there  = { interface_endpoints = 3, nat_gateways = 1, keys = 1, secrets = 2, alarms = 10, dashboards = 1 }
  prices = {
    redshift_rpu_hour       = 0.375
    interface_endpoint_hour = 0.01
    nat_gateway_hour        = 0.05
    kms_key_month           = 1
    secret_month            = 0.4
    alarm_month             = 0.1
    dashboard_month         = 3
  }
}

run "what_is_always_there" {
  command = plan

  assert {
    condition = output.usd_a_month == {
      interface_endpoints = 21.9
      nat_gateways        = 36.5
      keys                = 1
      secrets             = 0.8
      alarms              = 1
      dashboards          = 3
      warehouse_wake_ups  = 0
      total               = 64.2
    }
    error_message = "Hours are 730 a month."
  }
}

run "the_warehouse_is_woken_by_every_schedule" {
  command = plan

  variables {
    schedules = {
      hourly       = "rate(1 hour)"
      ten_minutes  = "rate(10 minutes)"
      daily        = "rate(1 day)"
      nightly      = "cron(0 3 * * ? *)"
      office_hours = "cron(0/30 8-17 ? * MON-FRI *)"
      first_of_two = "cron(0 6,18 1 * ? *)"
      once         = "at(2026-01-01T00:00:00)"
    }
  }

  assert {
    condition = output.wake_ups == {
      hourly       = 730
      ten_minutes  = 4380
      daily        = 30
      nightly      = 30
      office_hours = 435
      first_of_two = 2
    }
    error_message = "A month has 730 hours and 30.4 days; what fires once is nothing that returns."
  }
}

run "a_minute_of_the_base_capacity_each" {
  command = plan

  variables {
    schedules = { hourly = "rate(1 hour)" }
  }

  assert {
    condition     = output.usd_a_month.warehouse_wake_ups == 36.5
    error_message = "730 minutes of 8 RPU are 97.3 RPU-hours."
  }
}
