"""The Opsgenie stand-in over HTTP: alerts, integrations, Amazon SNS in, webhooks out."""

from sandbox.opsgenie.standin import ActRefused, OpsgenieStandIn

__all__ = ["ActRefused", "OpsgenieStandIn"]
