"""Knows the Web API methods views.*, files.*, blocks.validate and those about the app itself.

Never how a call arrives. Source: docs.slack.dev/reference/methods.
"""

from __future__ import annotations

from sandbox.slack.arguments import Args
from sandbox.slack.block_rules import Problem
from sandbox.slack.blocks import block_problems, message_problems, view_problems
from sandbox.slack.elements import state_values
from sandbox.slack.messages import Json, Message
from sandbox.slack.refusals import ApiError
from sandbox.slack.views import View
from sandbox.slack.workspace import APP, BOT, BOT_USER, TEAM, TEAM_DOMAIN, Workspace


def check_view(view: object, kind: str) -> Json:
    """A modal or home as an app sent it; raises ApiError with the pointers."""
    if isinstance(view, str) or view is None:
        message = "[ERROR] missing required field: view [json-pointer:/view]"
        raise ApiError("invalid_arguments", [message])
    problems = view_problems(view)
    if problems:
        inside = any(p.pointer.startswith("/view/blocks/") for p in problems)
        code = "invalid_blocks" if inside else "invalid_arguments"
        raise ApiError(code, [p.as_message() for p in problems])
    assert isinstance(view, dict)
    if view["type"] != kind:
        message = f"[ERROR] must be a {kind} [json-pointer:/view/type]"
        raise ApiError("invalid_arguments", [message])
    return view


def shown(view: View) -> Json:
    """The view object with the values that stand in it."""
    return view.as_api(state_values(view.blocks, view.state))


def open_view(space: Workspace, args: Args) -> Json:
    """views.open: needs a trigger id of the last three seconds."""
    trigger = args.text("trigger_id") or args.need("interactivity_pointer")
    content = check_view(args.get("view"), "modal")
    view = space.views.open(space.triggers.spend(trigger), content)
    space.changed()
    return {"view": shown(view)}


def push_view(space: Workspace, args: Args) -> Json:
    """views.push: on top of the modal in which the trigger came about."""
    trigger = args.text("trigger_id") or args.need("interactivity_pointer")
    content = check_view(args.get("view"), "modal")
    view = space.views.push(space.triggers.spend(trigger), content)
    space.changed()
    return {"view": shown(view)}


def update_view(space: Workspace, args: Args) -> Json:
    """views.update: by view_id or external_id; a wrong hash is a conflict."""
    view_id, external_id = args.text("view_id"), args.text("external_id")
    if not view_id and not external_id:
        args.need("view_id")
    view = space.views.get(view_id) if view_id else space.views.by_external_id(external_id)
    content = check_view(args.get("view"), "home" if view and view.is_home else "modal")
    if view is None:
        raise ApiError("not_found")
    if args.text("hash") and args.text("hash") != view.hash:
        raise ApiError("hash_conflict")
    view.show(content)
    space.changed()
    return {"view": shown(view)}


def publish_view(space: Workspace, args: Args) -> Json:
    """views.publish: a person's Home tab."""
    user = args.need("user_id")
    content = check_view(args.get("view"), "home")
    if user not in space.people:
        raise ApiError("user_not_found")
    view = space.views.publish(user, content, args.text("hash") or None)
    space.changed()
    return {"view": shown(view)}


def validate(space: Workspace, args: Args) -> Json:
    """blocks.validate: exactly one of blocks, message and view; `errors` with pointers."""
    given = [n for n in ("blocks", "message", "view") if n in args]
    if len(given) != 1:
        raise ApiError("invalid_arguments", ["[ERROR] provide one of blocks, message and view"])
    value = args.get(given[0])
    problems: list[Problem]
    if given[0] == "blocks":
        problems = block_problems(value)
    elif given[0] == "message":
        problems = message_problems(value)
    else:
        problems = view_problems(value, "")
    if problems:
        errors = [p.as_json() for p in problems]
        raise ApiError(f"invalid_{given[0]}", extra={"errors": errors})
    return {}


def upload_url(space: Workspace, args: Args) -> Json:
    """files.getUploadURLExternal."""
    name = args.need("filename")
    args.need("length")
    length = args.number("length", 0)
    if length <= 0:
        raise ApiError("invalid_arguments", ["[ERROR] must be positive [json-pointer:/length]"])
    file = space.files.promise(name, length, args.text("alt_txt"))
    return {"file_id": file.id, "upload_url": f"{space.base_url}/upload/v1/{file.id}"}


def complete_upload(space: Workspace, args: Args) -> Json:
    """files.completeUploadExternal: shares the files in channels where some are named."""
    listed = args.get("files")
    if not isinstance(listed, list) or not listed:
        message = "[ERROR] missing required field: files [json-pointer:/files]"
        raise ApiError("invalid_arguments", [message])
    files = []
    for entry in listed:
        file = space.files.get(str(entry.get("id"))) if isinstance(entry, dict) else None
        if file is None or file.content is None:
            raise ApiError("file_not_found")
        file.title = str(entry.get("title") or file.name)
        file.completed = True
        files.append(file)
    names = [c for c in (args.text("channels") or args.text("channel_id")).split(",") if c]
    channels = [space.channel_for_bot(c) for c in names]
    shared = [f.as_json(space.base_url) for f in files]
    for channel in channels:
        thread_ts = args.text("thread_ts") or None
        parent = space.messages.get(thread_ts) if thread_ts else None
        if thread_ts and (parent is None or parent.channel != channel.id):
            raise ApiError("thread_not_found")
        post = Message(
            channel.id,
            BOT_USER,
            space.new_ts(),
            args.text("initial_comment"),
            thread_ts=thread_ts,
            bot_id=BOT,
            files=shared,
        )
        space.messages.add(post)
        space.changed()
    return {"files": shared}


def file_info(space: Workspace, args: Args) -> Json:
    """files.info."""
    file = space.files.get(args.need("file"))
    if file is None or not file.completed:
        raise ApiError("file_not_found")
    return {"file": file.as_json(space.base_url)}


def who_am_i(space: Workspace, args: Args) -> Json:
    """auth.test."""
    return {
        "url": f"https://{TEAM_DOMAIN}.slack.com/",
        "team": "Sandbox",
        "user": "trailwatch",
        "team_id": TEAM,
        "user_id": BOT_USER,
        "bot_id": BOT,
        "is_enterprise_install": False,
    }


def team(space: Workspace, args: Args) -> Json:
    """team.info."""
    return {"team": {"id": TEAM, "name": "Sandbox", "domain": TEAM_DOMAIN, "email_domain": ""}}


def bot(space: Workspace, args: Args) -> Json:
    """bots.info."""
    if args.text("bot", BOT) != BOT:
        raise ApiError("bot_not_found")
    about = {"id": BOT, "deleted": False, "name": "trailwatch", "app_id": APP, "user_id": BOT_USER}
    return {"bot": about}


def echo(space: Workspace, args: Args) -> Json:
    """api.test."""
    if args.text("error"):
        raise ApiError(args.text("error"))
    return {"args": {}}


METHODS = {
    "views.open": open_view,
    "views.push": push_view,
    "views.update": update_view,
    "views.publish": publish_view,
    "blocks.validate": validate,
    "files.getUploadURLExternal": upload_url,
    "files.completeUploadExternal": complete_upload,
    "files.info": file_info,
    "auth.test": who_am_i,
    "team.info": team,
    "bots.info": bot,
    "api.test": echo,
}
