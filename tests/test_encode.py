"""The default encoder: the published model, on OpenVINO."""

import numpy as np
import pytest

from index.encode import MiniLM, load_encoder, minilm_folder
from index.errors import ModelError

TEXTS = [
    "Who approved the budget?",
    "The mayor approved the budget in March.",
    "Zürich, 東京 🌧️\r\nend",
    "",
    "x " * 5000,
    "a [SEP] b [CLS] [PAD] c",
]


@pytest.fixture(scope="module")
def encoder():
    return MiniLM()


def test_vectors_are_those_of_the_published_model(encoder):
    import torch
    from transformers import BertModel, BertTokenizerFast

    folder = str(minilm_folder())
    tokenizer = BertTokenizerFast.from_pretrained(folder, model_max_length=256)
    model = BertModel.from_pretrained(folder, attn_implementation="eager").eval()
    plain = [text for text in TEXTS if "[" not in text]
    batch = tokenizer(plain, padding=True, truncation=True, return_tensors="pt")
    with torch.no_grad():
        states = model(**batch).last_hidden_state
    mask = batch["attention_mask"].unsqueeze(-1).float()
    expected = torch.nn.functional.normalize((states * mask).sum(1) / mask.sum(1)).numpy()
    np.testing.assert_allclose((encoder.encode(plain) * expected).sum(axis=1), 1, atol=1e-3)


def test_vectors_have_unit_norm_whatever_the_text(encoder):
    vectors = encoder.encode(TEXTS)
    assert vectors.shape == (len(TEXTS), 384)
    assert vectors.dtype == np.float32
    np.testing.assert_allclose(np.linalg.norm(vectors, axis=1), 1, atol=1e-4)


def test_a_vector_does_not_depend_on_its_neighbours_in_the_batch(encoder):
    together = encoder.encode(TEXTS)
    alone = np.concatenate([encoder.encode([text]) for text in TEXTS])
    assert (together * alone).sum(axis=1).min() > 0.995


def test_control_tokens_in_a_text_are_plain_text(encoder):
    ids = encoder._tokenizer.encode("a [SEP] b").ids
    assert ids.count(102) == 1


def test_no_texts_are_no_vectors(encoder):
    assert encoder.encode([]).shape == (0, 384)


def test_a_question_is_nearer_to_its_answer_than_to_other_text(encoder):
    question, answer, other = encoder.encode([TEXTS[0], TEXTS[1], "Penguins cannot fly."])
    assert question @ answer > question @ other + 0.3


def test_weights_that_are_not_the_published_ones_are_refused(monkeypatch):
    minilm_folder.cache_clear()
    monkeypatch.setattr("index.encode._SHA256", "0" * 64)
    with pytest.raises(ModelError, match="published"):
        minilm_folder()
    minilm_folder.cache_clear()


def test_an_encoder_that_is_not_on_this_machine_is_refused_without_a_download(tmp_path):
    with pytest.raises(ModelError, match="not on this machine"):
        load_encoder(str(tmp_path / "nothing-here")).encode(["text"])


def test_a_folder_with_another_model_is_an_encoder():
    encoder = load_encoder(str(minilm_folder()))
    vectors = encoder.encode(TEXTS[:2])
    assert vectors.shape == (2, encoder.dim)
    assert (vectors * MiniLM().encode(TEXTS[:2])).sum(axis=1).min() > 0.99
