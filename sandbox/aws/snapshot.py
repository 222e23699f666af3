"""Knows how the stand-in's state is kept between two runs. Never what is in it."""

from __future__ import annotations

import copyreg
import logging
import pickle
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import moto
from moto.cloudtrail.models import cloudtrail_backends
from moto.cloudwatch.models import cloudwatch_backends
from moto.core.base_backend import BackendDict
from moto.iam.models import iam_backends
from moto.kms.models import kms_backends
from moto.kms.utils import RSAPrivateKey
from moto.logs.models import LogEvent, logs_backends
from moto.s3.models import s3_backends
from moto.sns.models import sns_backends
from moto.sts.models import sts_backends

log = logging.getLogger(__name__)

KEPT: dict[str, BackendDict[Any]] = {
    "cloudtrail": cloudtrail_backends,
    "cloudwatch": cloudwatch_backends,
    "iam": iam_backends,
    "kms": kms_backends,
    "logs": logs_backends,
    "s3": s3_backends,
    "sns": sns_backends,
    "sts": sts_backends,
}
"""The services that are kept."""

copyreg.pickle(RSAPrivateKey, lambda key: (RSAPrivateKey, (key.key_size,)))
"""moto gives each KMS key a private key, also those that never sign; a new one does as well."""

FILE = "aws.pickle"


def save(folder: Path, own: Mapping[str, object]) -> None:
    """Write moto's state and the stand-in's `own` into the folder, replacing what was there."""
    services = {
        name: {account: dict(regions.items()) for account, regions in backends.items()}
        for name, backends in KEPT.items()
    }
    state = {
        "moto": moto.__version__,
        "services": services,
        "buckets": dict(s3_backends.bucket_accounts),
        "next_log_event": LogEvent._event_id,
        "own": dict(own),
    }
    folder.mkdir(parents=True, exist_ok=True)
    fresh = folder / f"{FILE}.new"
    fresh.write_bytes(pickle.dumps(state))
    fresh.replace(folder / FILE)


def load(folder: Path) -> Mapping[str, Any] | None:
    """Bring moto's kept state back and give the stand-in's own; None where nothing is kept.

    A file that another version of moto wrote, or that is damaged, counts as none.
    """
    path = folder / FILE
    if not path.exists():
        return None
    try:
        state = pickle.loads(path.read_bytes())  # noqa: S301  the sandbox's own file
        if state["moto"] != moto.__version__:
            raise ValueError(f"written with moto {state['moto']}")
        own: Mapping[str, Any] = state["own"]
        services = state["services"]
    except Exception as error:  # noqa: BLE001  unpickling a damaged file raises of every kind
        log.warning("the kept AWS state is not readable, starting afresh: %s", error)
        return None
    for name, backends in KEPT.items():
        for account, regions in services[name].items():
            for region, backend in regions.items():
                backends[account][region] = backend
    s3_backends.bucket_accounts.update(state["buckets"])
    LogEvent._event_id = max(LogEvent._event_id, state["next_log_event"])
    return own
