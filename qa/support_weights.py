"""Weights of the logistic model of support: written by ``python -m bench.support``, not by hand.

Fitted on 1074 sentences, half of them true, about development paragraphs of public question sets
(SQuADShifts, QAMR, COVID-QA), with citespan-reader-0.3.0. Held out: 966 sentences, AUROC
0.935 (bench/SUPPORT.md).
"""

BIAS = -1.3619
WEIGHTS = {
    "strange_numbers": -2.2231,
    "strange_numbers_around": -1.0452,
    "strange_names": -2.0859,
    "strange_names_around": 0.0000,
    "covered_by_quotes": 0.3040,
    "covered_by_sentences": 2.3659,
    "covered_around": 0.4384,
    "covered_pairs": 0.4348,
    "disorder": -0.4539,
    "negation": -1.5683,
    "negation_close": -2.7568,
    "opposites": -3.1357,
    "strange_neighbours": -1.6346,
    "name_disorder": -0.8854,
    "probe": 0.1803,
    "probed": 0.6186,
}

DROP_BELOW = 0.278  # 5 % of the true sentences that were fitted have less support
WEAK_BELOW = 0.756  # 20 % of them
