"""Knows what AWS calls its Regions in messages. Never which of them are in use."""

from __future__ import annotations

from functools import cache
from typing import Any

from botocore.loaders import Loader


@cache
def display_name(region: str) -> str:
    """ "us-east-1" as "US East (N. Virginia)"; an unknown code stays as it is.

    The names are those of botocore's endpoints data, but CloudWatch's messages say "EU (London)"
    where that data says "Europe (London)".
    """
    data: dict[str, Any] = Loader().load_data("endpoints")
    for partition in data["partitions"]:
        if region in partition["regions"]:
            return str(partition["regions"][region]["description"]).replace("Europe (", "EU (")
    return region
