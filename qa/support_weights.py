"""Weights of the logistic model of support: written by ``python -m bench.support``, not by hand.

Fitted on 1074 sentences, half of them true, about development paragraphs of public question sets
(SQuADShifts, QAMR, COVID-QA), with citespan-reader-0.4.0. Held out: 966 sentences, AUROC
0.934 (bench/SUPPORT.md).
"""

BIAS = -1.4029
WEIGHTS = {
    "strange_numbers": -2.1633,
    "strange_numbers_around": -1.0233,
    "strange_names": -2.0304,
    "strange_names_around": 0.0000,
    "covered_by_quotes": 0.2516,
    "covered_by_sentences": 2.4050,
    "covered_around": 0.4652,
    "covered_pairs": 0.4835,
    "disorder": -0.4304,
    "negation": -1.5631,
    "negation_close": -2.7940,
    "opposites": -3.1446,
    "strange_neighbours": -1.6157,
    "name_disorder": -0.8211,
    "probe": 0.1968,
    "probed": 0.6054,
}

DROP_BELOW = 0.294  # 5 % of the true sentences that were fitted have less support
WEAK_BELOW = 0.755  # 20 % of them
