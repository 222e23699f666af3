"""AWS as far as trailwatch uses it: moto and what it lacks. Never a real account."""

from sandbox.aws.stand_in import AwsStandIn

__all__ = ["AwsStandIn"]
