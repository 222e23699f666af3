"""What happens behind the scenes, one module each; table.py lists them all."""
