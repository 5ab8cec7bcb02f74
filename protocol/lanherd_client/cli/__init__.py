"""The `lanherd` command."""
