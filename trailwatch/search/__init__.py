"""Where CloudTrail events are searched, one module for each source."""
