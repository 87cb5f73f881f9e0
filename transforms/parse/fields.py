"""Which key of a header or a JSON object feeds which field of an Article.

In: the mapping a loader made (YAML, TOML, JSON). Out: an Article. One table serves all formats that are mappings; keys
are compared without case, `_`, `-` and spaces, so `versionCreated`, `version_created` and `Version Created` are one.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from typing import Any

from transforms.article import Article, RawItem, Stated, Subject
from transforms.parse.base import ParseError, Settings
from transforms.parse.times import parse_time

# Article field -> keys that feed it, the first that holds something wins.
TEXTS: dict[str, tuple[str, ...]] = {
    "guid": ("guid", "uri", "uuid", "id", "articleid", "itemid"),
    "provider": ("provider", "agency", "publisher", "outlet", "sitename", "source"),
    "source_url": ("url", "link", "canonicalurl", "sourceurl", "permalink", "canonical"),
    "stated_version": ("version", "versionnumber", "revision"),
    "signal": ("signal",),
    "evolved_from": ("evolvedfrom", "replaces"),
    "ed_note": ("ednote", "editorsnote", "editornote", "notetoeditors"),
    "headline": ("headline", "title"),
    "slugline": ("slugline",),
    "byline": ("byline", "author", "authors", "creator"),
    "dateline": ("dateline",),
    "description": ("description", "descriptiontext", "summary", "abstract", "excerpt", "standfirst", "subtitle"),
    "genre": ("genre",),
    "copyright_holder": ("copyrightholder",),
    "copyright_notice": ("copyrightnotice", "copyright"),
    "usage_terms": ("usageterms",),
    "credit": ("credit", "creditline"),
    "info_source": ("infosource",),
}
TIMES: dict[str, tuple[str, ...]] = {
    "first_created": ("firstcreated", "created", "createdat", "datecreated"),
    "version_created": (
        "versioncreated", "updated", "updatedat", "lastmod", "lastmodified", "modified", "modifiedat", "datemodified",
    ),
    "content_created": ("contentcreated",),
    "published": (
        "published", "publishedat", "datepublished", "publishdate", "pubdate", "date", "datetime", "timestamp",
    ),
    "embargoed": ("embargoed", "embargoeduntil", "embargo"),
    "expires": ("expires", "expirydate"),
}  # fmt: skip
LISTS: dict[str, tuple[str, ...]] = {
    "keywords": ("keywords", "keyword", "tags"),
    "places": ("places", "place", "locations", "location"),
    "alternative_ids": ("alternativeids", "altids", "altid"),
}
HTML_BODIES = ("bodyhtml", "contenthtml", "htmlbody", "html", "bodyxhtml")
BODIES = ("body", "bodytext", "text", "content", "contenttext", "articlebody", "story")
STATUS = ("pubstatus", "status")
LANGUAGE = ("language", "lang", "inlanguage", "locale")
SUBJECTS = ("subjects", "subject")
NUMBERS: dict[str, tuple[str, ...]] = {"urgency": ("urgency",), "priority": ("priority",)}

# Where a value is itself an object, the key that holds its text (WordPress says `rendered`, schema.org `name`).
_INNER_KEYS = ("name", "rendered", "value", "text", "title", "literal", "id")
# Real ones nest three deep (a list of authors, each with a rendered name); what lies deeper is nothing a person reads.
_DEPTH_LIMIT = 10

_STATUSES = {
    "usable": "usable", "published": "usable", "publish": "usable", "live": "usable",
    "withheld": "withheld", "embargoed": "withheld",
    "canceled": "canceled", "cancelled": "canceled", "cancel": "canceled", "kill": "canceled", "killed": "canceled",
    "withdrawn": "canceled", "withdraw": "canceled", "retracted": "canceled",
}  # fmt: skip

# The times that say when a version came about; without any of them an invalid one can't be passed over.
_EVENT_TIMES = ("version_created", "published", "date_line")
_NAMED_BY_DATE = re.compile(r"(?:^|/)(\d{4}-\d{2}-\d{2})[-_.][^/]*$")
_MARKUP = re.compile(
    r"<(?:p|div|br|h[1-6]|ul|ol|table|section|article|span|a|b|strong|em|i)\b[^<>]{0,2000}>", re.IGNORECASE
)


def article_of(
    data: Mapping[Any, Any],
    item: RawItem,
    settings: Settings,
    *,
    body: str | None = None,
    body_type: str = "text",
) -> Article:
    """The Article that a mapping describes; `body`, where given, stands outside of the mapping.

    Raises ParseError `no_text` where there is neither headline nor body (a kill needs none, only the guid or URL of
    what it kills), `time` where its only times are invalid.
    """
    keyed = _keyed(data)
    found: dict[str, Any] = {name: _text(_first(keyed, keys)) for name, keys in TEXTS.items()}
    found |= {name: _texts(_first(keyed, keys)) for name, keys in LISTS.items()}
    flags: list[str] = []
    if body is None:
        body, body_type = _body(keyed)
    for name, keys in NUMBERS.items():
        stated = _text(_first(keyed, keys)).strip()
        if stated:
            found[name] = int(stated) if re.fullmatch(r"\d{1,2}", stated) else None
            if found[name] is None:
                flags.append(f"invalid_{name}")
    status = _text(_first(keyed, STATUS)).strip().lower().rpartition(":")[2]
    if status:
        found["pub_status"] = _STATUSES.get(status, "usable")
        if status not in _STATUSES:
            flags.append("unknown_pub_status")
    kill = found.get("pub_status") == "canceled" and (found["guid"].strip() or found["source_url"].strip())
    if not (found["headline"].strip() or body.strip() or kill):
        raise ParseError("no_text", "neither a headline nor a body")
    found |= _times(keyed, item, settings, flags)
    return Article(
        uri=item.uri,
        arrived=item.arrived,
        language_declared=_language(_first(keyed, LANGUAGE)),
        subjects=tuple(_subjects(_first(keyed, SUBJECTS))),
        body=body,
        body_type=body_type,
        flags=tuple(sorted(flags)),
        **found,
    )


def tells_a_story(data: Mapping[Any, Any]) -> bool:
    """True where a mapping has copy of its own: a body, or what only an article calls a headline.

    A title alone tells nothing: feeds have titles too.
    """
    keyed = _keyed(data)
    return bool(_text(keyed.get("headline")).strip() or _body(keyed)[0].strip())


def _keyed(data: Mapping[Any, Any]) -> dict[str, Any]:
    keyed: dict[str, Any] = {}
    for key, value in data.items():
        keyed.setdefault(_normal(key), value)
    return keyed


def _times(keyed: Mapping[str, Any], item: RawItem, settings: Settings, flags: list[str]) -> dict[str, Stated]:
    times: dict[str, Stated] = {}
    faults: list[str] = []
    for name, keys in TIMES.items():
        value = _first(keyed, (key for key in keys if not _is_switch(keyed.get(key))))
        if value is None:
            continue
        try:
            times[name] = parse_time(value, settings.source_timezone)
        except ValueError as error:
            faults.append(f"{name}: {error}")
            flags.append(f"invalid_{name}")
    named = _NAMED_BY_DATE.search(item.uri)
    if named:
        try:
            times["date_line"] = parse_time(named[1], settings.source_timezone)
        except ValueError as error:
            faults.append(f"date in the file name: {error}")
    if faults and not any(name in times for name in _EVENT_TIMES):
        raise ParseError("time", faults[0])
    return times


def _is_switch(value: Any) -> bool:
    """True for `published: true`, which says that it was and not when."""
    return isinstance(value, bool) or (isinstance(value, str) and value.lower() in ("true", "false"))


def _normal(key: object) -> str:
    return str(key).lower().replace("_", "").replace("-", "").replace(" ", "")


def _first(keyed: Mapping[str, Any], keys: Iterable[str]) -> Any:
    """The first value that holds something."""
    for key in keys:
        value = keyed.get(key)
        if value is not None and value != "" and value != [] and value != {}:
            return value
    return None


def _text(value: Any, depth: int = 0) -> str:
    """One text: of a list its entries joined by a comma, of an object the part that a person would read."""
    if isinstance(value, str):
        return value
    if value is None or isinstance(value, bool) or depth > _DEPTH_LIMIT:
        return ""
    if isinstance(value, list | tuple):
        return ", ".join(filter(None, (_text(entry, depth + 1) for entry in value)))
    if isinstance(value, Mapping):
        return next((text for key in _INNER_KEYS if (text := _text(value.get(key), depth + 1))), "")
    try:
        return str(value)
    except ValueError:
        # Python writes no integer of over 4,300 digits.
        return ""


def _texts(value: Any) -> tuple[str, ...]:
    if isinstance(value, str):
        value = value.split(",")
    elif not isinstance(value, list | tuple):
        value = [value]
    return tuple(filter(None, (_text(entry).strip() for entry in value)))


def _body(keyed: Mapping[str, Any]) -> tuple[str, str]:
    html = _text(_first(keyed, HTML_BODIES))
    if html.strip():
        return html, "html"
    value = _first(keyed, BODIES)
    text = "\n\n".join(map(_text, value)) if isinstance(value, list | tuple) else _text(value)
    return text, "html" if _MARKUP.search(text) else "text"


def _language(value: Any) -> str:
    """The first language named."""
    if isinstance(value, list | tuple):
        value = value[0] if value else None
    return _text(value).strip()


def _subjects(value: Any) -> Iterable[Subject]:
    for entry in value if isinstance(value, list | tuple) else [value]:
        if isinstance(entry, Mapping):
            keyed = {_normal(key): inner for key, inner in entry.items()}
            scheme, code, name = (_text(keyed.get(key)).strip() for key in ("scheme", "code", "name"))
            if not scheme and ":" in code:
                scheme, _, code = code.partition(":")
            if code or name:
                yield Subject(scheme, code, name)
        elif text := _text(entry).strip():
            scheme, _, code = text.rpartition(":") if re.fullmatch(r"[\w-]+:\S+", text) else ("", "", "")
            yield Subject(scheme, code, "" if code else text)
