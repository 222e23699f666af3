"""Stand-ins for AWS, Opsgenie and Slack over real protocols; no part of the product."""
