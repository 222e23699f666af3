"""Stand-ins for AWS, Opsgenie and Slack over their real protocols; nothing here is part of the product."""
