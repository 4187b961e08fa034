"""How an environment on AWS comes to what the repository says: publish, fetch, plan, deploy, drift, rollback."""
