output "wake_ups" {
  description = "How often a month each source's schedule wakes the warehouse."
  value       = { for source, times in local.wake_ups : source => floor(times + 0.5) }
}

output "usd_a_month" {
  description = "What each costs a month, and the total, in USD with cents; wake-ups that share a minute are billed once, and counted here one by one."
  value = {
    for item, amount in merge(local.usd, { total = sum(values(local.usd)) }) : item => floor(amount * 100 + 0.5) / 100
  }
}
