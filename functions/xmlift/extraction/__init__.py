"""extract: one window, from the endpoint to S3."""
