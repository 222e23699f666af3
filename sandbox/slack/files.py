"""Knows uploaded files, from the promised upload to the shared file. Never what is in them."""

from __future__ import annotations

import secrets
from dataclasses import dataclass
from typing import Any


@dataclass
class File:
    """One file; `content` is None until its bytes have arrived."""

    id: str
    name: str
    length: int
    alt_text: str = ""
    title: str = ""
    content: bytes | None = None
    completed: bool = False

    def as_json(self, base_url: str) -> dict[str, Any]:
        """The file object, as far as messages and upload answers show it."""
        url = f"{base_url}/files/{self.id}/{self.name}"
        kind = self.name.rsplit(".", 1)[-1].lower() if "." in self.name else "text"
        return {
            "id": self.id,
            "name": self.name,
            "title": self.title or self.name,
            "filetype": kind,
            "size": self.length,
            "alt_txt": self.alt_text,
            "url_private": url,
            "url_private_download": url,
            "permalink": url,
        }


class Files:
    """Every file of the workspace by its id."""

    def __init__(self) -> None:
        self._files: dict[str, File] = {}

    def promise(self, name: str, length: int, alt_text: str) -> File:
        """A file whose bytes are still to come."""
        file = File("F" + secrets.token_hex(5).upper(), name, length, alt_text)
        self._files[file.id] = file
        return file

    def get(self, file_id: str) -> File | None:
        return self._files.get(file_id)
