"""What a wire says about its language, made a BCP 47 tag: `zh_cn`, `English` in, `zh-CN`, `en` out.

A declaration is kept beside what was detected, so it stays as specific as it was stated; only its form is mended. What
can't be read as a language becomes "", never a guess.
"""

from __future__ import annotations

import re
import tomllib
from collections.abc import Mapping
from functools import cache, lru_cache
from pathlib import Path

_TAG = re.compile(
    r"(?P<language>[a-z]{2,3})(?:-(?P<script>[a-z]{4}))?(?:-(?P<region>[a-z]{2}|\d{3}))?"
    r"(?P<variants>(?:-(?:[a-z0-9]{5,8}|\d[a-z0-9]{3}))*)(?:-[a-wyz]-.*|-x-.*)?",
    re.DOTALL,
)

# A tag of one language by RFC 5646 is seldom over 35 characters (section 4.4.1); a name never is.
_LONGEST = 64

_TRADITIONAL_REGIONS = ("HK", "MO", "TW")


@cache
def _names() -> Mapping[str, str]:
    """languages.toml as one table: any code or name, in lower case -> the code it stands for."""
    tables = tomllib.loads((Path(__file__).parent / "languages.toml").read_text(encoding="utf-8"))
    codes = {code: code for code in str(tables["codes"]).split()}
    return {**codes, **tables["aliases"], **tables["names"]}


def canonical(declared: str) -> str:
    """`declared` as a BCP 47 tag in canonical case, "" where it names no language.

    Of a list (`en, fr`, `en-US;q=0.9`) the first counts. Extensions and private use are dropped, deprecated and
    three-letter codes replaced (`iw` -> `he`, `eng` -> `en`), as the IANA registry of subtags prefers.
    """
    return _canonical(declared[:_LONGEST])


@lru_cache(maxsize=1024)
def _canonical(declared: str) -> str:
    stated = re.split(r"[,;|.]", declared, maxsplit=1)[0].strip().lower().replace("_", "-")
    if stated in _names():
        return _names()[stated]
    match = _TAG.fullmatch(stated)
    if not match or match["language"] not in _names():
        return ""
    parts = [_names()[match["language"]]]
    if match["script"]:
        parts.append(match["script"].title())
    if match["region"]:
        parts.append(match["region"].upper())
    return "-".join(parts) + match["variants"]


def written(tag: str) -> str:
    """The tag that detection would give a text of the declared language: no region, no variant, Chinese by script.

    `tag` is what `canonical` returned: `en-US` -> `en`, `zh-CN` -> `zh-Hans`, `zh-HK` -> `zh-Hant`, `nb-NO` -> `no`.
    """
    language, *rest = tag.split("-")
    script = next((part for part in rest if len(part) == 4 and part.isalpha()), "")
    if language in ("nb", "nn"):
        return "no"  # langdetect's one profile for both
    if language == "zh" and rest and not script:
        script = "Hant" if any(region in rest for region in _TRADITIONAL_REGIONS) else "Hans"
    if language == "zh" or (language, script) == ("sr", "Latn"):
        return f"{language}-{script}" if script else language
    return language
