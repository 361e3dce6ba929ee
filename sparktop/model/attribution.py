"""Which texts an answer names as sources, and which it only names to deny them.

All of this works on folded text (`sparktop.model.folding`): simplified characters, half-width punctuation. It is a
rule about the words around a title, within its own clause; it doesn't understand what is said.
"""

from __future__ import annotations

import re
from bisect import bisect_right
from operator import itemgetter
from typing import Final

from sparktop.model.folding import Span, places

_SHORT: Final = 2
"""A title of so few characters is also a piece of other words (中论 in 其中论述): it counts between marks, or after
words such as 出自."""

_LOOKED_BACK: Final = 60
_LOOKED_ON: Final = 30
"""Characters around a title in which it may be denied."""

_OPEN, _CLOSE = "《〈「『“\"'", "》〉」』”\"'"
_MARKED: Final = re.compile(
    r"《([^《》\n]{1,40})》|〈([^〈〉\n]{1,40})〉|[「『“\"']([^「」『』“”\"'\n]{1,40})[」』”\"']"
)
_PART: Final = re.compile(r"[·・‧•:()\-—]")
_CUE: Final = re.compile(r"(?:出自|出于|出处[是为:]?|源自|源于|来自|见于|语见|载于|依据?|根据|引自|引用|据)$")

_CLAUSE_ENDS: Final = ",。;!?\n…"

_TITLES: Final = rf"(?:[{_OPEN}][^{_CLOSE}]*[{_CLOSE}](?:[中里]?[、和与及或]|以及|或者)*)*"
_ATTRIBUTION: Final = (
    "出自于源来见载引属在应该能可以为作将把被归入认说成传当写记会有是"
    "直接真正此其它这那句一话语典处名部经论也都就的确实同"
)
"""Characters of the words that lead from a denial to the title."""

_DENIED_BEFORE: Final = re.compile(
    rf"""(?:
        (?:不|非|未|没有?|无|否)
        (?:出自|出于|出现|见于|见诸|来自|来源|源[自于]|载于|引自|属|在|应|该|能|可|会|直接|真正|[为归宜当有是曾同])[{_ATTRIBUTION}]{{0,12}}
      | 不是 | 并?非 | 而非 | 有别于 | 有异于
      | [误错](?!解|区|误(?:认识|观念|见解|知见))[^,。;!?\n…《》]{{0,16}}[为作成于是自在到入认归说引记写属成]
      | (?:\bnot|n't|never|rather\ than|instead\ of|wrongly|mistakenly|incorrectly)\b[^,.;:!?]{{0,40}}
    ){_TITLES}[ ]*$""",
    re.VERBOSE,
)
_NOT_DENIED: Final = re.compile(r"(?:不仅|不只|不单|不但|不光|无非|莫非|\bnot only\b)[^,。;!?\n…]{0,20}$")
_DENIED_AFTER: Final = re.compile(
    r"""(?:[中里内]|之中|本身|原文|全文|一[书经论]|这[部一]*[书经论]|也|并|其实|实际上|却|都|则|里面|当中|\s)*
    (?:
        (?:没有|并无|未曾|未|无|不曾|不)(?:见|载|有|收|提|出现|记|说|讲|此|这|该|相关|类似|任何|谈)
      | (?:不是|并?非)[^,。;!?\n…]{0,8}(?:出处|来源|所出|原典|依据|典据)
      | (?:是|属|系|为)?(?:误|错)(?!解|区)
      | 的?[^,。;!?\n…]{0,6}(?:不同|有别|无关|相异)
      | \s*(?:is|was)(?:\ not|n't)\b
    )""",
    re.VERBOSE,
)


def attributions(text: str, names: list[str]) -> list[Span]:
    """Returns every place where one of some names stands as a source: named, and not denied.

    Args:
        text: The folded answer.
        names: Folded names of one text.
    """
    mentions = [(*place, name) for name in names for place in places(text, name)]
    marked = [match.span(match.lastindex or 0) for match in _MARKED.finditer(text)] if mentions else []
    found = []
    for start, end, name in mentions:
        at = bisect_right(marked, start, key=itemgetter(0)) - 1
        title = marked[at] if at >= 0 and end <= marked[at][1] else None
        if title is not None and _is_title_of(text[slice(*title)], name):
            around = title[0] - 1, title[1] + 1
        elif len(name) > _SHORT or _CUE.search(text[max(0, start - 8) : start]):
            around = start, end
        else:
            continue
        if not _denied(text, around):
            found.append((start, end))
    return sorted(set(found))


def _is_title_of(title: str, name: str) -> bool:
    """Whether a title is that of a text: 《六祖大师法宝坛经·行由品》 is 坛经, 《中心经济》 is not 心经."""
    if len(name) > _SHORT:
        return True
    return any(part.strip().startswith(name) or part.strip().endswith(name) for part in _PART.split(title))


def _denied(text: str, span: Span) -> bool:
    before = text[max(0, span[0] - _LOOKED_BACK) : span[0]]
    before = before[max(map(before.rfind, _CLAUSE_ENDS)) + 1 :]
    if _DENIED_BEFORE.search(before) and not _NOT_DENIED.search(before):
        return True
    return _DENIED_AFTER.match(text, span[1], span[1] + _LOOKED_ON) is not None
