"""The local cloud: an AWS without an account, made of processes on 127.0.0.1."""
