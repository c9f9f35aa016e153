"""Weights of the logistic model of support: written by ``python -m bench.support``, not by hand.

Fitted on 1074 sentences, half of them true, about development paragraphs of public question sets
(SQuADShifts, QAMR, COVID-QA), with citespan-reader-0.5.0. Held out: 966 sentences, AUROC
0.935 (bench/SUPPORT.md).
"""

BIAS = -1.4154
WEIGHTS = {
    "strange_numbers": -2.2016,
    "strange_numbers_around": -1.0370,
    "strange_names": -2.0621,
    "strange_names_around": 0.0000,
    "covered_by_quotes": 0.2915,
    "covered_by_sentences": 2.4142,
    "covered_around": 0.4742,
    "covered_pairs": 0.4295,
    "disorder": -0.4230,
    "negation": -1.5536,
    "negation_close": -2.7894,
    "opposites": -3.1461,
    "strange_neighbours": -1.6097,
    "name_disorder": -0.8186,
    "probe": 0.1852,
    "probed": 0.5915,
}

DROP_BELOW = 0.288  # 5 % of the true sentences that were fitted have less support
WEAK_BELOW = 0.757  # 20 % of them
