"""Builders keep Slack's limits, whatever they are given."""

from __future__ import annotations

from typing import Any

from handlers.blocks import kit


def test_a_message_of_too_many_blocks_says_how_many_are_missing() -> None:
    message = kit.message("text", [kit.divider()] * 60)
    assert len(message.blocks) == 50
    last: Any = message.blocks[-1]
    assert last["elements"][0]["text"] == "… 11 more parts not shown"


def test_mrkdwn_is_cut_between_its_pieces() -> None:
    for tail in ("&amp;", "<https://example.com/|x>", "`code`"):
        for length in range(2980, 3010):
            text: Any = kit.mrkdwn("x" * length + tail * 5)["text"]
            assert len(text) <= 3000
            rest = text.replace("&amp;", "").replace("<https://example.com/|x>", "")
            assert not {"&", "<", ">"} & set(rest)
            assert text.count("`") % 2 == 0


def test_lines_that_do_not_fit_are_counted() -> None:
    lines = ["x" * 99] * 50
    text = kit.fit_lines(lines, 1000, hint="see the log")
    assert len(text) <= 1000
    kept = text.count("x" * 99)
    assert text.endswith(f"… {50 - kept} more (see the log)")
    assert kit.fit_lines(["a", "b"]) == "a\nb"


def test_a_table_keeps_to_its_rows_and_characters() -> None:
    many: Any = kit.table(["A"], [["x"]] * 200)
    assert len(many["rows"]) == 100
    long: Any = kit.table(["A", "B"], [["x" * 900, ""]] * 90)
    assert len(long["rows"]) == 20
    assert {len(row) for row in long["rows"]} == {2}
    assert long["rows"][1][1] == {"type": "raw_text", "text": kit.NOTHING}


def test_empty_pieces_are_left_out_or_marked() -> None:
    assert kit.fields([("Account", ""), ("Region", "x")]) == [kit.mrkdwn("*Region*\nx")]
    assert kit.overflow("a", []) is None
    assert kit.url_button("Open", "open", "javascript:x") is None
    assert kit.actions(None, kit.button("A", "a", "1"))["elements"] == [kit.button("A", "a", "1")]
    assert kit.words("", ("", "bold"))["elements"] == [{"type": "text", "text": kit.NOTHING}]


def test_long_labels_are_cut() -> None:
    button: Any = kit.button("x" * 100, "a", "v" * 3000, style="danger")
    assert len(button["text"]["text"]) == 75
    assert len(button["value"]) == 2000
    header: Any = kit.header("x" * 200)
    assert len(header["text"]["text"]) == 150
    confirm: Any = kit.confirm("t" * 200, "x" * 400, "y" * 50, "n" * 50, danger=True)
    assert [len(confirm[key]["text"]) for key in ("title", "text", "confirm", "deny")] == [
        100,
        300,
        30,
        30,
    ]
