"""Knows how a plan is carried out; the only writer. Never does more than the plan shows."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from enum import StrEnum
from functools import partial

from setup.change import Action, Change, Fields
from setup.checks import check_quotas
from setup.clients import Clients
from setup.drift import survey_restore
from setup.plan import Plan, Purpose, digest_of
from setup.survey import RETAINED, Step, Survey, stand, step_for, survey, survey_destroy
from trailwatch.clock import Clock
from trailwatch.detections import Detection
from trailwatch.errors import AwsError, ProviderError, RouterError, StalePlan, TrailwatchError
from trailwatch.site import SiteConfig

EXISTS = frozenset(
    {
        "409",
        "BucketAlreadyOwnedByYou",
        "EntityAlreadyExists",
        "EntityAlreadyExistsException",
        "ResourceAlreadyExistsException",
        "TrailAlreadyExistsException",
    }
)
"""What a create answers when it took effect before, and the answer was lost."""
SETTLING = frozenset(
    {
        "InsufficientEncryptionPolicyException",
        "InsufficientS3BucketPolicyException",
        "InvalidCloudWatchLogsLogGroupArnException",
        "InvalidCloudWatchLogsRoleArnException",
        "KmsKeyNotFoundException",
        "S3BucketDoesNotExistException",
    }
)
"""What CreateTrail answers while a bucket, role or key that was just made is not known all over."""
THROTTLED = frozenset(
    {
        "429",
        "RequestLimitExceeded",
        "SlowDown",
        "Throttling",
        "ThrottlingException",
        "ThrottledException",
        "TooManyRequestsException",
    }
)
"""What AWS and Opsgenie answer where calls come too fast."""
READ_BACKS = 3


class ProgressState(StrEnum):
    DOING = "doing"
    DONE = "done"
    FAILED = "failed"
    NOT_TRIED = "not tried"


@dataclass(frozen=True)
class Progress:
    """How far one change is. `error` says why it failed."""

    change: Change
    state: ProgressState
    error: TrailwatchError | None = None


def apply(
    plan: Plan,
    config: SiteConfig,
    detections: Sequence[Detection],
    clients: Clients,
    clock: Clock,
    *,
    resume: bool = False,
    stop: Callable[[], bool] = lambda: False,
) -> Iterator[Progress]:
    """Carry out a plan: yields each change as it is begun and when it is done.

    The world is read again first; raises StalePlan where it moved or the plan has expired. With
    `resume` (the plan was being applied when the process ended) what is left may be less than the
    plan, never more. The first failure stops: it is yielded, and each change after it as not
    tried; so does `stop`, asked before each change. Else what was done is read back in the end;
    what differs is yielded as failed. Raises LimitExceeded where a quota filled up meanwhile, and
    ProviderError and ConfigError when reading fails.
    """
    if not resume and plan.expires_at <= clock():
        raise StalePlan(
            f"Plan {plan.id} has expired.", fix="Make a new plan and look at it before applying."
        )
    clients = clients.fresh()
    found = _survey(plan, config, detections, clients)
    _check(plan, found, resume)
    if not resume:
        check_quotas(config, found.steps, clients)
    yield from _carry_out(config, found.steps, clients, stop)


def _survey(
    plan: Plan, config: SiteConfig, detections: Sequence[Detection], clients: Clients
) -> Survey:
    if plan.purpose is Purpose.APPLY:
        return survey(config, detections, clients)
    if plan.purpose is Purpose.RESTORE:
        keys = [change.key for change in plan.changes]
        return survey_restore(config, detections, clients, keys)
    kinds = {change.kind for change in plan.changes}
    return survey_destroy(config, detections, clients, [k for k in RETAINED if k in kinds])


def _check(plan: Plan, found: Survey, resume: bool) -> None:
    if resume:
        approved = {change.key: change.after for change in plan.changes}
        fits = all(
            step.change.key in approved and approved[step.change.key] == step.change.after
            for step in found.steps
        )
    else:
        fits = digest_of(plan.site, plan.purpose, found.changes) == plan.digest
    if not fits:
        raise StalePlan(
            f"Plan {plan.id} no longer fits what stands.",
            _moved(plan, found),
            "Make a new plan and look at it before applying.",
        )


def _moved(plan: Plan, found: Survey) -> str:
    """What is different now, in one sentence."""
    then = {change.key: change for change in plan.changes}
    now = {change.key: change for change in found.changes}
    moved = sorted(
        key
        for key in then.keys() | now.keys()
        if key not in then
        or key not in now
        or (then[key].action, then[key].before, then[key].after)
        != (now[key].action, now[key].before, now[key].after)
    )
    if not moved:
        return "It was made for another site or purpose."
    more = f" and {len(moved) - 5} more" if len(moved) > 5 else ""
    return f"These changed since: {', '.join(moved[:5])}{more}."


def _carry_out(
    config: SiteConfig, steps: Sequence[Step], clients: Clients, stop: Callable[[], bool]
) -> Iterator[Progress]:
    done: list[Step] = []
    for number, step in enumerate(steps):
        if stop():
            yield from _untried(steps[number:])
            break
        yield Progress(step.change, ProgressState.DOING)
        try:
            _make(config, step, clients)
        except TrailwatchError as error:
            yield Progress(step.change, ProgressState.FAILED, error)
            yield from _untried(steps[number + 1 :])
            return
        done.append(step)
        yield Progress(step.change, ProgressState.DONE)
    for step, unlike in _read_back(config, done, clients):
        yield Progress(step.change, ProgressState.FAILED, unlike)


def _untried(steps: Sequence[Step]) -> Iterator[Progress]:
    return (Progress(step.change, ProgressState.NOT_TRIED) for step in steps)


def _make(config: SiteConfig, step: Step, clients: Clients) -> None:
    """Make one change, patient with what AWS makes true later; raises TrailwatchError."""
    if step.change.action is Action.DELETE:
        step.resource.delete(clients)
        return
    before = step.change.before
    failures: list[ProviderError] = []

    def try_it() -> bool:
        nonlocal before, clients
        try:
            if failures:
                clients = clients.fresh()
                before, done = _restate(config, step, clients)
                if done:
                    return True
            step.resource.write(clients, before)
            return True
        except ProviderError as error:
            failures.append(error)
            if not _passing(error, len(failures)):
                raise
            return False

    if not clients.wait_until(try_it, step=1.0):
        raise failures[-1]


def _passing(error: ProviderError, failures: int) -> bool:
    """Whether trying again may help: a lost answer, a limit, or what has not settled yet.

    A limit on the rate of calls is waited out as long as the patience lasts.
    """
    if error.code in SETTLING or error.code in THROTTLED:
        return True
    if error.code == "PendingConfirmation":
        return False
    return failures < 3 and (error.retryable or error.code in EXISTS)


def _restate(config: SiteConfig, step: Step, clients: Clients) -> tuple[Fields | None, bool]:
    """The resource's `before` as it is now, and whether nothing is left to do."""
    now = stand(step.resource, clients)
    again = step_for(config, now, clients)
    if again is None:
        return None, True
    return again.change.before, False


def _read_back(
    config: SiteConfig, steps: Sequence[Step], clients: Clients
) -> list[tuple[Step, TrailwatchError]]:
    """The changes that AWS does not show as they were made, after a few looks."""
    wrong = list(steps)
    differing: list[tuple[Step, TrailwatchError]] = []
    for look in range(READ_BACKS):
        if look:
            clients.sleep(float(look))
        clients = clients.fresh()
        errors = clients.together(*(partial(_unlike_now, config, one, clients) for one in wrong))
        differing = [
            (step, error) for step, error in zip(wrong, errors, strict=True) if error is not None
        ]
        wrong = [step for step, _ in differing]
        if not differing:
            break
    return differing


def _unlike_now(config: SiteConfig, step: Step, clients: Clients) -> TrailwatchError | None:
    """What the resource shows otherwise than the step made it; None where it is the same."""
    now = stand(step.resource, clients)
    fields = now.fields
    if step.change.action is Action.DELETE:
        return None if fields is None else _unlike(step, "it is still there")
    again = step_for(config, now, clients)
    if again is None:
        return None
    if fields is None:
        return _unlike(step, "it is not there")
    return _unlike(step, _differences(again.change))


def _differences(change: Change) -> str:
    """ "period is 300, not 60": what stands and what was asked for, of the first few fields."""
    diffs = change.diff()
    said = [f"{diff.path} is {_short(diff.before)}, not {_short(diff.after)}" for diff in diffs[:4]]
    more = f", and {len(diffs) - 4} more fields differ" if len(diffs) > 4 else ""
    return "; ".join(said) + more


def _short(text: str | None) -> str:
    if text is None:
        return "nothing"
    return text if len(text) <= 120 else f"{text[:119]}…"


def _unlike(step: Step, how: str) -> TrailwatchError:
    router = step.change.kind.endswith("_integration")
    called = f"{step.change.label} {step.change.name}"
    return (RouterError if router else AwsError)(
        f"The change of the {called} was accepted, but it shows otherwise.",
        f"Read back, {how}.",
        "Make a new plan to see what is left; somebody else may be changing it.",
        operation="read back",
        code="ReadBackDiffers",
    )
