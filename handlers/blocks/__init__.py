"""Knows how domain values look in Slack. Pure: values in, Block Kit out; sends nothing."""
