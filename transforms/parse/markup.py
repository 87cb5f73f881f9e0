"""The first element of a document in XML or HTML, found without parsing it: what its format is recognised by.

In: the head of a text. Out: its root's name and namespace. The scan goes over what may stand before the root once.
"""

from __future__ import annotations

import re
from typing import NamedTuple

_TAG = re.compile(r"<(?:(?P<prefix>[^\W\d][\w.-]*):)?(?P<name>[^\W\d][\w.-]*)(?=[\s/>])(?P<rest>[^<>]{0,20000})")
_NAMESPACE = re.compile(r"""\sxmlns(?::(?P<prefix>[\w.-]+))?\s*=\s*["'](?P<uri>[^"']*)["']""")
_DOCTYPE = re.compile(r"<!DOCTYPE\s+(?P<name>[^\s>\[]+)", re.IGNORECASE)
# What may stand before the root, and how it ends.
_BEFORE = (("<?", "?>"), ("<!--", "-->"))


class Root(NamedTuple):
    """The first element of a document, all empty where a text is no markup."""

    name: str
    """As written, without a prefix."""
    namespace: str
    """Its namespace, empty where it has none."""
    doctype: str
    """The name that a document type declaration promises for it, in lower case."""


def root_of(head: str) -> Root:
    """The root of the markup that `head` begins; all empty where it begins none."""
    at, doctype = past_prolog(head)
    tag = _TAG.match(head, at)
    return Root("", "", doctype) if tag is None else Root(tag["name"], _namespace(tag), doctype)


def past_prolog(text: str) -> tuple[int, str]:
    """Where the root of a document begins, behind declaration, comments and document type, and the doctype's name.

    Where something is left open, that is where it begins.
    """
    at = _past_space(text, 0)
    doctype = ""
    while text.startswith("<", at):
        closing = next((end for opening, end in _BEFORE if text.startswith(opening, at)), "")
        if closing:
            end = text.find(closing, at)
            if end < 0:
                break
            end += len(closing)
        elif declared := _DOCTYPE.match(text, at):
            doctype = declared["name"].lower()
            end = _end_of_doctype(text, declared.end())
        else:
            break
        at = _past_space(text, end)
    return at, doctype


def _past_space(head: str, at: int) -> int:
    while at < len(head) and (head[at].isspace() or head[at] == "\ufeff"):
        at += 1
    return at


def _end_of_doctype(head: str, at: int) -> int:
    """Behind the declaration, whose internal subset holds declarations of its own between brackets."""
    end, subset = head.find(">", at), head.find("[", at)
    if 0 <= subset < end:
        closing = head.find("]", subset)
        end = head.find(">", closing) if closing >= 0 else -1
    return len(head) if end < 0 else end + 1


def _namespace(tag: re.Match[str]) -> str:
    for found in _NAMESPACE.finditer(tag["rest"]):
        if found["prefix"] == tag["prefix"]:
            return found["uri"].strip()
    return ""
