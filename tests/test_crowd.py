"""Twenty people at once: each gets the answer to their own question, whichever way they ask."""

import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor

import openai
import pytest

from index.index import Index
from tests.page_server import PROJECT, program, running_page

PEOPLE = 20


def question(n):
    return f"Which number does locker {chr(65 + n)}{n} of the harbour have?"


@pytest.fixture(scope="module")
def url(tmp_path_factory):
    folder = tmp_path_factory.mktemp("crowd")
    files = []
    for n in range(PEOPLE):
        files.append(folder / f"locker-{n}.txt")
        words = f"Locker {chr(65 + n)}{n} of the harbour has the number {1000 + 37 * n}."
        files[-1].write_text(words, encoding="utf-8")
    with Index.open(folder / "index", create=True) as opened:
        assert not opened.add(files).failed
    with running_page(folder / "index", QA_PASSWORD="") as url:
        yield url


def by_gradio(url, n):
    client = program(url)
    answer = client.predict(question(n), api_name="/ask")
    return answer["question"], answer["text"], answer["citations"][0]["source"]


def by_openai(url, n):
    with openai.OpenAI(base_url=f"{url}v1", api_key="none", max_retries=0) as client:
        text, sources = "", []
        messages = [{"role": "user", "content": question(n)}]
        for chunk in client.chat.completions.create(model="citespan", messages=messages, stream=True):
            delta = chunk.choices[0].delta
            text += delta.content or ""
            sources += [it["citation"]["source"] for it in (delta.model_extra or {}).get("annotations") or []]
    return question(n), text, sources[0]


@pytest.mark.parametrize("ask", [by_gradio, by_openai])
def test_twenty_people_at_once_all_get_their_own_answer(url, ask):
    with ThreadPoolExecutor(PEOPLE) as pool:
        replies = list(pool.map(lambda n: ask(url, n), range(PEOPLE)))
    for n, (asked, text, source) in enumerate(replies):
        assert asked == question(n)
        assert str(1000 + 37 * n) in text
        assert source == f"locker-{n}.txt"


RACE = """
import os, threading
import numpy as np, openvino as ov
from openvino import opset15 as op
from index.bert import compile_graph, run

words = op.parameter([-1], np.int64)
model = compile_graph(ov.Model([op.convert(words, "f32")], [words], "race"))
ready = threading.Barrier(8)

def ask():
    ready.wait()
    list(run(model, [[np.zeros(4, np.int64)]]))

threads = [threading.Thread(target=ask, daemon=True) for _ in range(8)]
for thread in threads:
    thread.start()
for thread in threads:
    thread.join()
os._exit(0)
"""


def test_the_first_questions_of_many_threads_do_not_wait_for_each_other_for_ever():
    """Every second of these processes hung when OpenVINO prepared its first tensor in two threads at once."""
    races = [subprocess.Popen([sys.executable, "-c", RACE], cwd=PROJECT) for _ in range(6)]
    try:
        assert [race.wait(600) for race in races] == [0] * 6
    finally:
        for race in races:
            race.kill()
            race.wait()
