output "queue" {
  description = "Name of the queue of what could not be started."
  value       = aws_sqs_queue.unstarted.name
}
