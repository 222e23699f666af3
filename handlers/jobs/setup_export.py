"""The job behind setup export: a file in the channel. Of AWS it asks the account's id alone."""

from __future__ import annotations

from handlers.answering import tell
from handlers.blocks.errors import error_message
from handlers.blocks.kit import code, esc
from handlers.deps import Deps
from handlers.jobs.job import JobContext, worth_another_try
from setup.export import Export, export
from trailwatch.errors import TrailwatchError
from trailwatch.site import SiteConfig


def put(deps: Deps, job: JobContext) -> None:
    """Put the file into the channel, once; what fails is told to who asked."""
    try:
        config = deps.sites.config(job.args.get("site", ""))
        file = export(config, deps.sites.detections(config), str(job.args["format"]))
        comment = _comment(config, file, str(job.args["name"]))
        channel = str(job.args["channel"])
        job.step("upload", lambda: deps.upload(channel, file.name, file.text, comment))
    except TrailwatchError as error:
        if worth_another_try(job, error):
            raise
        tell(deps, job, error_message(error))


def _comment(config: SiteConfig, file: Export, by: str) -> str:
    """What the file is, and what is not in it."""
    lines = [
        f":page_facing_up: The pipeline of {code(config.site.name, 60)} as {code(file.name, 60)}, "
        f"asked by {esc(by, 80)}.",
        *(f"• {esc(sentence, 400)}" for sentence in file.left_out),
    ]
    return "\n".join(lines)
