"""Objects on S3: names that say what they hold, commits that say what counts, and the zone that keeps them."""
