"""The commands after /trailwatch: grammar, the table of all, one module for each noun."""
