"""What can be filled in: one module a modal. Decides nothing itself."""
