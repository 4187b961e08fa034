# What a month costs in which no source has anything new. Every execution asks the warehouse all the same: plan what is
# missing, report what it holds. That wakes it, and Redshift Serverless bills a minute at least.

locals {
  hours_a_month = 730
  days_a_month  = local.hours_a_month / 24
  unit_hours    = { minute = 1 / 60, hour = 1, day = 24 }
  rate          = "^rate\\((?P<number>\\d+) (?P<unit>minute|hour|day)s?\\)$"

  # rate(10 minutes): so often in the hours of a month.
  by_rate = {
    for source, expression in var.schedules : source => [
      for every in [regex(local.rate, expression)] : local.hours_a_month / (tonumber(every.number) * local.unit_hours[every.unit])
    ][0] if can(regex(local.rate, expression))
  }

  # cron(minutes hours day-of-month month day-of-week year)
  crons = {
    for source, expression in var.schedules : source => split(" ", trimsuffix(trimprefix(expression, "cron("), ")"))
    if startswith(expression, "cron(")
  }

  all_values = [60, 24, local.days_a_month, 12, 7]
  named = {
    JAN = 1, FEB = 2, MAR = 3, APR = 4, MAY = 5, JUN = 6, JUL = 7, AUG = 8, SEP = 9, OCT = 10, NOV = 11, DEC = 12
    SUN = 1, MON = 2, TUE = 3, WED = 4, THU = 5, FRI = 6, SAT = 7
  }

  # How many values each field takes: `*` all of them, `0/15` every fifteenth, `8-18` eleven, `MON,WED` two.
  counts = {
    for source, fields in local.crons : source => [
      for place, most in local.all_values : sum([
        for part in split(",", upper(fields[place])) :
        contains(["*", "?"], part) ? most :
        strcontains(part, "/") ? ceil(most / tonumber(split("/", part)[1])) :
        strcontains(part, "-") ? 1 + abs(
          try(tonumber(split("-", part)[1]), local.named[split("-", part)[1]]) -
          try(tonumber(split("-", part)[0]), local.named[split("-", part)[0]])
        ) : 1
      ])
    ]
  }

  # Where days of the week are named, those count, and not the days of the month.
  by_cron = {
    for source, count in local.counts : source => count[0] * count[1] * count[3] / 12 * (
      contains(["*", "?"], local.crons[source][4]) ? count[2] : count[4] * local.days_a_month / 7
    )
  }

  wake_ups = merge(local.by_rate, local.by_cron)

  usd = {
    interface_endpoints = var.always_there.interface_endpoints * var.prices.interface_endpoint_hour * local.hours_a_month
    nat_gateways        = var.always_there.nat_gateways * var.prices.nat_gateway_hour * local.hours_a_month
    keys                = var.always_there.keys * var.prices.kms_key_month
    secrets             = var.always_there.secrets * var.prices.secret_month
    alarms              = var.always_there.alarms * var.prices.alarm_month
    dashboards          = var.always_there.dashboards * var.prices.dashboard_month

    warehouse_wake_ups = sum(concat([0], values(local.wake_ups))) * var.base_capacity / 60 * var.prices.redshift_rpu_hour
  }
}
