"""One module a kind of resource; they do not know each other."""
