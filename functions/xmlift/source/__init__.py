"""Endpoint → the bytes of pages: requests, logins, patience, and the way from one page to the next."""
