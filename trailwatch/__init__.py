"""What trailwatch knows: patterns, detections, events, alerts and where they are kept."""
