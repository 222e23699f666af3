"""Knows which calls the stand-in answers itself, and hands on the others. Never what they do."""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping
from typing import Any

from sandbox.aws.protocol import AwsCall, Refusal, write_error, write_result
from sandbox.wire import Answer

log = logging.getLogger(__name__)

Proceed = Callable[[], Answer]
"""Lets moto answer the call."""

Handler = Callable[[AwsCall, Proceed], Mapping[str, Any] | Answer]
"""Answers a call with the operation's result or a finished answer; raises Refusal."""


def answer_call(call: AwsCall, handler: Handler | None, proceed: Proceed) -> Answer:
    """Answer by the handler, or by moto where there is none; never raises."""
    try:
        if handler is None:
            return proceed()
        result = handler(call, proceed)
        return result if isinstance(result, Answer) else write_result(call, result)
    except Refusal as refusal:
        return write_error(call, refusal)
    except NotImplementedError:
        text = f"The sandbox does not have {call.service} {call.operation}"
        return write_error(call, Refusal("NotImplemented", text, 501))
    except Exception as error:  # moto fails in many ways; AWS would say InternalFailure
        log.exception("%s %s failed", call.service, call.operation)
        text = f"{call.service} {call.operation}: {type(error).__name__}: {error}"
        return write_error(call, Refusal("InternalFailure", text, 500))
