"""Does a question want one answer, or several? Read from its grammar; the reader says which they are."""

from __future__ import annotations

import re

_NUMBER = (
    r"two|three|four|five|six|seven|eight|nine|ten|several|both|all|zwei|drei|vier|fünf|sechs|beiden?|alle"
)
_NO_PLURAL = (
    r"(?:\w*(?:ss|us|is|'s|ics)|was|does|has|its|always|years?|gas|lens|news|series|means|atlas|canvas|james)"
)
_PLURAL = rf"(?:(?!{_NO_PLURAL}\b)\w{{3,}}s|people|men|women|\w*children|criteria|teeth|feet|mice|media|data)"
_VERB = r"(?:is|are|was|were|do|does|did|has|have|had|can|could|may|might|must|shall|should|will|would)"
_BEFORE_NOUN = rf"(?!(?:{_VERB}|of|in|for|to|from|that)\b)\w+"  # an article, a number, an adjective
# What follows on a plural and not on a verb in -s: "which pumps are", not "which firm supplies".
_OF_PLURAL = r"""(?:
    are|were|do|did|have|had|can|could|may|might|must|shall|should|will|would
  | need|belong|grow|contain|include|apply|remain|require|want|live|stand|lie|make|take|get|come|go|use|cost
)"""
_STATE = r"""(?:
    present|absent|invited|involved|attending|excused|exempt|entitled|eligible|allowed|permitted|affected|excluded
)"""
_ZUSTAND = r"(?:anwesend|abwesend|dabei|eingeladen|beteiligt|betroffen|berechtigt|entschuldigt|ausgenommen)"
_VOR_NOMEN = r"(?!(?:ist|sind|hat|haben|hatten|dürfen|müssen|können|sollen|werden)\b)\w+"
_WANTS_SEVERAL = re.compile(
    rf"""
      \b(?:which|what|who|whose|whom|name|list|welche[nrs]?|wer|nenne)\s+(?:(?!of\b)\w+\s+){{0,2}}?(?:{_NUMBER})\b
    | ^\W*(?:list|enumerate|zähle|liste)\b
    | ^\W*(?:name|give|mention)\s+(?:me\s+)?(?:{_BEFORE_NOUN}\s+){{0,3}}?{_PLURAL}\b
    | \b(?:which|what)\s+(?:{_BEFORE_NOUN}\s+){{0,2}}?{_PLURAL}\s+{_OF_PLURAL}\b
    | \bwhich\s+of\s+(?:\w+\s+){{1,3}}?(?:are|were|have|do)\b
    | \b(?:which|what|who)\s+(?:else\s+)?(?:are|were)\b
    | \bwho\s+(?:else\s+)?(?:is|was)\s+(?:also\s+)?{_STATE}\b
    | \bwho\s+(?:all\s+|else\s+)?(?:attended|attends|participated|took\s+part)\b
    | \bwer\s+(?:sind|waren|alles)\b
    | \bwer\s+(?:ist|war|wurde|wird)\s+(?:\w+\s+)?{_ZUSTAND}\b
    | \bwelche[nr]?\s+(?:{_VOR_NOMEN}\s+){{0,2}}?\w{{3,}}\s+(?:sind|waren|werden|wurden|gelten|gibt\s+es)\b
    | \bwelche[nr]?\s+(?:{_VOR_NOMEN}\s+){{0,2}}?\w{{3,}}n\s+(?:dürfen|müssen|können|sollen|haben|hatten)\b
    | \bwelche[nr]?\s+(?:{_VOR_NOMEN}\s+){{0,2}}?\w{{3,}}\s+(?:dürfen|müssen|können|sollen)
      (?!\s+(?:die|wir|sie|ich|alle)\b|\s+(?-i:[A-ZÄÖÜ]))
    | \bnennen?\s+(?:sie\s+)?(?:mir\s+|uns\s+)?(?:alle\b|die\s+(?:\w+\s+)?(?-i:[A-ZÄÖÜ])\w+(?:er|n|s)\b)
    | \bwie\s+hei(?:ß|ss)en\s+die\b
    | \bnames\s+of\b
    """,
    re.IGNORECASE | re.VERBOSE,
)


def wants_several(question: str) -> bool:
    """Whether the question asks for more than one thing: "Which two …", "Who were …", "What steps are …".

    English and German. A guess from the words alone: a plural at the head, with a verb that a plural has.
    What it lets through must still be nearly as probable as the reader's best answer.
    """
    return _WANTS_SEVERAL.search(question) is not None
