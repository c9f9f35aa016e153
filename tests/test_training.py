"""The training pipeline: readers of published formats, splits, windows, loss, resume, parity with BERT."""

from __future__ import annotations

import json
import math
from dataclasses import fields, replace
from pathlib import Path

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from safetensors.torch import load_file

from training import (
    augment,
    batches,
    calibrate,
    corpus,
    data,
    decode,
    export,
    mixture,
    model,
    negatives,
    optimise,
    score,
    train,
    written,
)

WORDS = ("The", "cat", "on", "warm", "mat", "Zürich", ",", ".", "(", "her", ")", "knew", "?")


@pytest.fixture(scope="module")
def encoder() -> batches.Encoder:
    return batches.Encoder(model.base_folder())


def squad(contexts: dict[str, list[tuple[str, str, int]]]) -> str:
    paragraphs = [
        {
            "context": context,
            "qas": [
                {"id": f"{i}-{j}", "question": q, "answers": [{"text": a, "answer_start": at}]}
                for j, (q, a, at) in enumerate(qas)
            ],
        }
        for i, (context, qas) in enumerate(contexts.items())
    ]
    return json.dumps({"data": [{"title": "A_title", "paragraphs": paragraphs}]})


def examples(count: int) -> list[data.Example]:
    cities = ("Zürich", "Oslo", "Lima", "Cairo", "Quito", "Dakar", "Hanoi", "Minsk")
    made = []
    for i in range(count):
        city = cities[i % len(cities)]
        context = f"Report {i}. The meeting number {i} was held in {city} after lunch 🙂 and then it ended."
        start = context.index(city)
        answers = ((start, start + len(city)),) * 2
        made.append(
            data.Example(f"e{i}", "amazon", f"g{i}", "", f"Where was meeting {i} held?", context, answers)
        )
    return made


def test_squad_offsets_point_at_the_answer_even_when_the_file_is_a_little_wrong(tmp_path: Path) -> None:
    file = tmp_path / "set.json"
    file.write_text(
        squad({"Zürich is big. Oslo is cold, Oslo is far.": [
            ("Which is big?", "Zürich", 0),
            ("Which is cold?", "Oslo ", 29),
            ("Which is gone?", "Lima", 3),
        ]}),
        encoding="utf-8",
    )  # fmt: skip
    found = data.read_squad(file, "policyqa")
    assert [e.texts() for e in found] == [("Zürich",), ("Oslo",)]
    assert found[1].answers == ((29, 33),)
    assert found[0].title == "A title"


def test_qamr_sentences_become_natural_text_and_every_answer_keeps_its_words(tmp_path: Path) -> None:
    sentence = "Cenarchaeum -LRB- an archaean -RRB- said `` I do n't '' , he 's in 3 % of US$ 5 ."
    (tmp_path / "wiki-sentences.tsv").write_text(f"Wiki1k:wikipedia:7:90:8\t{sentence}\n", encoding="utf-8")
    row = "Wiki1k:wikipedia:7:90:8\t0 2\t76\t0\t3\tWho spoke?\t0 1 2 3 4\t261:0\t60:2 3\n"
    gap = "Wiki1k:wikipedia:7:90:8\t0 2\t76\t1\t3\tWho else?\t0 2\n"
    (tmp_path / "dev.tsv").write_text(row + gap, encoding="utf-8")
    (tmp_path / "test.tsv").write_text("", encoding="utf-8")
    (only,) = data.read_qamr(tmp_path)
    assert only.context == "Cenarchaeum (an archaean) said \"I don't\", he's in 3% of US$5."
    assert only.texts() == ("Cenarchaeum (an archaean)", "Cenarchaeum", "an archaean")


@given(
    st.lists(st.sampled_from([*WORDS, "``", "''", "'s", "%", "-LSB-", "-RSB-", "`", "'", '"']), min_size=1)
)
def test_detokenised_spans_are_in_order_and_hold_the_token(tokens: list[str]) -> None:
    text, spans = data.detokenise(tokens)
    assert len(spans) == len(tokens)
    ends = [0, *(end for _, end in spans)]
    for token, (start, end), before in zip(tokens, spans, ends, strict=False):
        assert before <= start < end
        assert text[start:end] == token or not token.isalnum()
        assert text[before:start] in ("", " ")


def test_a_paragraph_is_never_in_training_and_development_at_once() -> None:
    keys = [data.context_key(f"paragraph number {i}") for i in range(4000)]
    share = sum(map(data.is_dev, keys)) / len(keys)
    assert abs(share - data.DEV_SHARE) < 0.015
    assert data.context_key("The  CAT, sat.") == data.context_key("the cat sat")


def test_examples_that_share_text_with_the_test_set_are_left_out() -> None:
    run = "one two three four five six seven eight"
    kept, gone, test = (
        replace(e, context=c, answers=((0, 2),))
        for e, c in zip(examples(3), ("something else " * 5, f"Well, {run}!", run.upper()), strict=True)
    )
    assert data.without_overlap([kept, gone], [test]) == [kept]


@given(st.integers(1, 3000), st.integers(20, 400), st.data())
def test_windows_cover_every_span_up_to_the_overlap(tokens: int, room: int, drawn: st.DataObject) -> None:
    overlap = drawn.draw(st.integers(1, room - 1))
    found = batches.windows(tokens, room, room - overlap)
    first = drawn.draw(st.integers(0, tokens - 1))
    last = min(tokens, first + overlap) - 1
    assert any(low <= first and last < high for low, high in found)
    assert all(0 <= low < high <= tokens and high - low <= room for low, high in found)


def test_rendered_targets_decode_to_the_answer(encoder: batches.Encoder) -> None:
    made = examples(8)
    items = [batches.Item(e, 64, (made[(i + 1) % 8].context,)) for i, e in enumerate(made)]
    for seed in range(5):
        batch = batches.render(encoder, items, np.random.default_rng(seed))
        assert torch.allclose(batch.starts.sum(1), torch.ones(16))
        for row, item in zip(range(0, 16, 2), items, strict=True):
            start, end = int(batch.starts[row].argmax()), int(batch.ends[row].argmax())
            words = encoder.tokenizer.decode(batch.ids[row, start : end + 1].tolist())
            assert words == item.example.texts()[0].lower().replace("ü", "u")
            assert batch.starts[row + 1, 0] == 1
            assert bool(batch.candidates[row, start])


def test_table_bars_never_cut_an_answer_and_answers_move_with_them() -> None:
    rng = np.random.default_rng(0)
    ids = np.arange(2000, 2060)
    for _ in range(50):
        noisy, moved = augment.with_bars(ids, [(10, 14), (59, 59)], rng)
        assert noisy[moved[0][0] : moved[0][1] + 1].tolist() == list(range(2010, 2015))
        assert noisy[moved[1][0] : moved[1][1] + 1].tolist() == [2059]


def test_widened_qamr_answers_keep_their_text() -> None:
    sentences = ("First one.", "Zürich is here.", "Third 🙂 one.", "Last.")
    example = data.Example("dev:a:b:1:2:3", "qamr", "g", "", "Where?", sentences[1], ((0, 6),))
    seen = set()
    for seed in range(30):
        wide = mixture.widened(example, sentences, np.random.default_rng(seed))
        assert wide.texts() == ("Zürich",)
        seen.add(wide.context)
    assert len(seen) > 2


def test_mined_negatives_never_contain_the_answer_nor_come_from_the_own_passage() -> None:
    made = examples(24)
    mined = negatives.mine(made, made, keep=3)
    for example in made:
        found = mined[(example.source, example.id)]
        assert len(found) == 3
        assert all(example.texts()[0] not in text and text != example.context for text in found)


def test_every_batch_of_a_width_has_the_same_number_of_rows() -> None:
    made = examples(50)
    items = [batches.Item(e, (48, 64)[i % 2], ("other",) * (i % 3 == 0)) for i, e in enumerate(made)]
    made_up = batches.batched(items, 480, np.random.default_rng(0))
    for batch in made_up:
        assert sum(item.rows for item in batch) == 480 // batch[0].width
    assert {item.example.id for batch in made_up for item in batch} == {e.id for e in made}


def test_group_loss_is_the_row_loss_when_a_question_has_one_passage(encoder: batches.Encoder) -> None:
    items = [batches.Item(e, 48) for e in examples(4)]
    batch = batches.render(encoder, items, np.random.default_rng(0))
    logits = torch.randn(4, 48, 2, generator=torch.Generator().manual_seed(0))
    plain = torch.log_softmax(logits.masked_fill(~batch.candidates[..., None], -1e4), dim=1)
    loop = -((batch.starts * plain[..., 0]).sum() + (batch.ends * plain[..., 1]).sum()) / 8
    assert torch.allclose(optimise.losses(logits, batch, row_weight=0.25, group_weight=0), loop, atol=1e-5)


def test_a_batch_in_pieces_has_the_gradient_of_the_whole(encoder: batches.Encoder) -> None:
    made = examples(6)
    items = [batches.Item(e, 48, (made[0].context,) * (i % 2)) for i, e in enumerate(made)]
    reader = model.from_base(model.base_folder())
    whole = batches.render(encoder, items, np.random.default_rng(0))
    starts = [0, *np.cumsum([item.rows for item in items])]
    pieces = []
    for run in optimise.split(items, 3):
        low, high = starts[items.index(run[0])], starts[items.index(run[-1]) + 1]
        rows = {f.name: getattr(whole, f.name)[low:high] for f in fields(whole)}
        pieces.append(batches.Batch(**(rows | {"groups": rows["groups"] - rows["groups"][0]})))
    gradients = optimise.Gradients(reader, 2)
    losses = []
    kept = []
    for parts in ([whole], pieces):
        losses.append(gradients.step([lambda part=part: part for part in parts], 1 / 9, 1 / 3))
        kept.append([p.grad for p in gradients.params])
    assert len(pieces) == 3
    assert losses[0] == pytest.approx(losses[1], rel=1e-5)
    assert all(torch.allclose(a, b, rtol=1e-3, atol=1e-5) for a, b in zip(*kept, strict=True))


def test_shared_normalisation_weighs_all_passages_of_a_question_together(encoder: batches.Encoder) -> None:
    made = examples(2)
    batch = batches.render(encoder, [batches.Item(made[0], 48, (made[1].context,))], np.random.default_rng(0))
    logits = torch.randn(2, 48, 2, generator=torch.Generator().manual_seed(1))
    odds = (logits - logits[:, :1]).masked_fill(~batch.candidates[..., None], -1e4)
    total = 0.0
    for side, target in ((0, batch.starts), (1, batch.ends)):
        everything = torch.cat([torch.zeros(1), odds[0, 1:, side], odds[1, 1:, side]])
        total += float(torch.logsumexp(everything, 0) - (target[0] * odds[0, :, side]).sum())
    loss = optimise.losses(logits, batch, row_weight=0, group_weight=1)
    assert abs(float(loss) - total / 2) < 1e-4


def bert(named: dict[str, np.ndarray], ids: np.ndarray, mask: np.ndarray) -> np.ndarray:
    """Last states (t, d) of one row by the formulas of Devlin et al. (2019), float64, token type 0."""

    def norm(x: np.ndarray, at: str) -> np.ndarray:
        centred = x - x.mean(-1, keepdims=True)
        scaled = centred / np.sqrt((centred**2).mean(-1, keepdims=True) + 1e-12)
        return scaled * named[f"{at}.LayerNorm.weight"] + named[f"{at}.LayerNorm.bias"]

    def dense(x: np.ndarray, at: str) -> np.ndarray:
        return x @ named[f"{at}.weight"].T + named[f"{at}.bias"]

    table = {part: named[f"embeddings.{part}_embeddings.weight"] for part in ("position", "token_type")}
    words = named["embeddings.word_embeddings.weight"][ids]
    x = norm(words + table["position"][: len(ids)] + table["token_type"][0], "embeddings")
    for layer in range(6):
        at = f"encoder.layer.{layer}"
        q, k, v = (dense(x, f"{at}.attention.self.{part}") for part in ("query", "key", "value"))
        mixed = np.zeros_like(x)
        for head in range(12):
            part = slice(32 * head, 32 * head + 32)
            scores = np.exp(q[:, part] @ k[:, part].T / math.sqrt(32)) * mask
            mixed[:, part] = scores / scores.sum(-1, keepdims=True) @ v[:, part]
        x = norm(x + dense(mixed, f"{at}.attention.output.dense"), f"{at}.attention.output")
        inner = dense(x, f"{at}.intermediate.dense")
        inner = inner * 0.5 * (1 + np.vectorize(math.erf)(inner / math.sqrt(2)))
        x = norm(x + dense(inner, f"{at}.output.dense"), f"{at}.output")
    return x


def test_the_torch_model_is_bert_on_the_base_weights(encoder: batches.Encoder) -> None:
    named = {n: t.double().numpy() for n, t in load_file(model.base_folder() / "model.safetensors").items()}
    mine = model.from_base(model.base_folder()).eval()
    tokens = encoder.tokens("Where is Zürich, and why does nobody know it?").ids
    ids = np.concatenate([[101], tokens, [102, 0, 0]])
    mask = (ids != 0).astype(np.int64)
    row, seen = torch.from_numpy(ids)[None], torch.from_numpy(mask)[None]
    with torch.no_grad():
        got = mine.encode(row, torch.zeros_like(row), seen)[0].numpy()
    assert np.abs(got - bert(named, ids, mask))[mask == 1].max() < 1e-4


def test_fast_linear_layer_has_the_gradients_of_the_plain_one() -> None:
    layer = model.Linear(48, 32)
    x = torch.randn(3, 5, 48, requires_grad=True)
    gradients = []
    for forward in (layer, lambda t: torch.nn.functional.linear(t, layer.weight, layer.bias)):
        layer.zero_grad()
        x.grad = None
        forward(x).square().sum().backward()
        assert x.grad is not None
        gradients.append(
            [x.grad.clone(), *(p.grad.clone() for p in layer.parameters() if p.grad is not None)]
        )
    assert all(torch.allclose(a, b, rtol=1e-4, atol=1e-3) for a, b in zip(*gradients, strict=True))


def test_training_learns_eight_examples_by_heart_and_resumes_bit_for_bit(
    encoder: batches.Encoder, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    made = tuple(examples(8))
    material = corpus.Corpus(made, (), (), ())
    monkeypatch.setattr(mixture, "SHARES", {"amazon": 1.0})
    monkeypatch.setattr(mixture, "SENTENCES_FIRST", False)
    recipe = train.Recipe(batch_tokens=384, warmup_steps=4, rate=5e-4, average=0.5)
    per_step = 8 * 48

    def go(run: str, steps: int, *extra: str) -> None:
        (tmp_path / run).mkdir(exist_ok=True)
        options = train.arguments(
            ["--data", "-", "--run", str(tmp_path / run), "--max-tokens", str(steps * per_step), *extra]
        )
        train.run(material, tmp_path / run, recipe, options)

    go("whole", 5)
    go("parts", 2)
    go("parts", 5, "--resume")
    whole, parts = (
        torch.load(tmp_path / run / "checkpoint.pt", weights_only=True) for run in ("whole", "parts")
    )
    assert all(torch.equal(whole["model"][n], parts["model"][n]) for n in whole["model"])
    assert all(torch.equal(whole["average"][n], parts["average"][n]) for n in whole["average"])
    assert whole["progress"] == parts["progress"]

    go("whole", 32, "--resume")
    figures = score.oracle(score.weights(tmp_path / "whole" / "checkpoint.pt"), encoder, made)
    assert figures["em"] == 100.0

    export.export(tmp_path / "whole" / "checkpoint.pt", tmp_path / "out", "test")
    again = score.oracle(score.weights(tmp_path / "out" / "reader.safetensors"), encoder, made)
    assert again["em"] == 100.0
    assert json.loads((tmp_path / "out" / "config.json").read_text())["max_length"] == 384


def test_a_decay_ends_after_the_wanted_tokens_and_may_be_bent_without_a_jump() -> None:
    recipe, progress = train.Recipe(warmup_steps=1), train.Progress(step=9, tokens=1000)
    assert train.rate_factor(progress, recipe) == 1
    train.begin_decay(progress, 400)
    progress.tokens = 1100
    assert train.rate_factor(progress, recipe) == pytest.approx(0.75)
    train.begin_decay(progress, 60)
    assert train.rate_factor(progress, recipe) == pytest.approx(0.75)
    progress.tokens = 1160
    assert train.rate_factor(progress, recipe) == pytest.approx(0)


def test_best_spans_are_those_of_the_obvious_loop() -> None:
    rng = np.random.default_rng(0)
    starts, ends = rng.normal(size=(2, 30)).astype(np.float32)
    loop = sorted(
        ((i, j) for i in range(30) for j in range(i, min(30, i + 7))),
        key=lambda p: -(starts[p[0]] + ends[p[1]]),
    )
    assert [(i, j) for i, j, _ in decode.best_spans(starts, ends, 7, 9)] == loop[:9]


def test_logistic_fit_recovers_the_probabilities_it_was_drawn_from() -> None:
    rng = np.random.default_rng(0)
    odds = rng.normal(3, 4, 6000)
    held = rng.random(6000) < 1 / (1 + np.exp(-(0.5 * odds - 2)))
    scale, bias = calibrate.logistic(np.stack([odds, np.ones(6000)], axis=1), held.astype(float))
    assert scale == pytest.approx(0.5, abs=0.05)
    assert bias == pytest.approx(-2, abs=0.15)


def test_written_questions_point_at_every_place_of_their_answers(tmp_path: Path) -> None:
    (tmp_path / "a.txt").write_text(
        "# Zürich\nThe Limmat leaves the lake.\nThe lake is cold.\n? What is cold\n= The lake || lake\n"
        "! How deep is the lake?\n\n# Two\nEva and Jan signed.\n? Who signed?\n= Eva ++ Jan\n",
        encoding="utf-8",
    )
    cold, deep, signed = written.read_written(tmp_path)
    assert cold.context == "The Limmat leaves the lake.\nThe lake is cold."
    assert cold.texts() == ("The lake", "lake", "lake")
    assert deep.answers == () and deep.title == "Zürich"
    assert signed.texts() == ("Eva", "Jan")


def test_a_written_answer_that_its_passage_does_not_hold_is_named(tmp_path: Path) -> None:
    (tmp_path / "a.txt").write_text("# T\nThe lakes are cold.\n? What?\n= lake\n", encoding="utf-8")
    with pytest.raises(ValueError, match=r"a\.txt, line 4: the answer 'lake'"):
        written.read_written(tmp_path)


def test_auroc_is_the_share_of_well_ordered_pairs() -> None:
    rng = np.random.default_rng(0)
    high, low = rng.integers(3, 9, 40).astype(float), rng.integers(0, 7, 30).astype(float)
    loop = np.mean([[(h > w) + (h == w) / 2 for w in low] for h in high])
    assert score.auroc(high, low) == pytest.approx(float(loop))
