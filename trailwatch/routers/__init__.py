"""The on-call services that alarms are routed through, one module each."""
