"""What a click does, one module a button; table.py lists them all."""
