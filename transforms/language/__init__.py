"""The language step: an article in, the same article with its language out.

`tag` judges a text, `tag_language` an article. Script first (`scripts`, `han`), then langdetect (`profiles`), then what
the wire declared (`declared`); `tagger` weighs them.
"""

from transforms.language.tagger import Tag, tag, tag_language

__all__ = ["Tag", "tag", "tag_language"]
