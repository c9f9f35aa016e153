"""One peer, as its own quickstart uses it: runs in that peer's environment, knows nothing of Citespan.

``python run.py PEER MODEL PASSAGES QUESTIONS FOLDER`` reads JSON lists of strings, embeds and stores the
passages in FOLDER, asks each question for five of them, and prints one JSON object.
"""

from __future__ import annotations

import json
import os
import resource
import sys
import time
from collections.abc import Callable
from pathlib import Path

TOP_K = 5
Search = Callable[[str], list[int]]  # the places of the passages found, best first


def sentence_transformers(model: str, passages: list[str], folder: Path) -> Search:
    """Vectors in a numpy file, searched by a matrix product."""
    import numpy as np
    from sentence_transformers import SentenceTransformer

    encoder = SentenceTransformer(model)
    vectors = encoder.encode(passages)
    np.save(folder / "vectors.npy", vectors)

    def search(question: str) -> list[int]:
        scores = encoder.similarity(encoder.encode([question]), vectors)[0]
        return [int(i) for i in scores.argsort(descending=True)[:TOP_K]]

    return search


def txtai(model: str, passages: list[str], folder: Path) -> Search:
    """``Embeddings`` over plain texts."""
    from txtai import Embeddings

    embeddings = Embeddings(path=model)
    embeddings.index(passages)
    embeddings.save(str(folder / "index"))
    return lambda question: [int(i) for i, _ in embeddings.search(question, TOP_K)]


def haystack(model: str, passages: list[str], folder: Path) -> Search:
    """The in-memory document store with its embedding retriever."""
    from haystack import Document
    from haystack.components.retrievers.in_memory import InMemoryEmbeddingRetriever
    from haystack.document_stores.in_memory import InMemoryDocumentStore
    from haystack_integrations.components.embedders.sentence_transformers import (
        SentenceTransformersDocumentEmbedder,
        SentenceTransformersTextEmbedder,
    )

    store = InMemoryDocumentStore()
    writer = SentenceTransformersDocumentEmbedder(model=model, progress_bar=False)
    writer.warm_up()
    documents = [Document(content=text, meta={"place": place}) for place, text in enumerate(passages)]
    store.write_documents(writer.run(documents)["documents"])
    store.save_to_disk(str(folder / "documents.json"))
    reader = SentenceTransformersTextEmbedder(model=model, progress_bar=False)
    reader.warm_up()
    retriever = InMemoryEmbeddingRetriever(store, top_k=TOP_K)

    def search(question: str) -> list[int]:
        embedding = reader.run(question)["embedding"]
        return [document.meta["place"] for document in retriever.run(embedding)["documents"]]

    return search


def llama_index(model: str, passages: list[str], folder: Path) -> Search:
    """``VectorStoreIndex`` over one node a passage."""
    from llama_index.core import VectorStoreIndex
    from llama_index.core.schema import TextNode
    from llama_index.embeddings.huggingface import HuggingFaceEmbedding

    nodes = [TextNode(text=text, metadata={}, id_=str(place)) for place, text in enumerate(passages)]
    index = VectorStoreIndex(nodes, embed_model=HuggingFaceEmbedding(model_name=model))
    index.storage_context.persist(str(folder / "storage"))
    retriever = index.as_retriever(similarity_top_k=TOP_K)
    return lambda question: [int(hit.node.node_id) for hit in retriever.retrieve(question)]


def langchain(model: str, passages: list[str], folder: Path) -> Search:
    """The FAISS vector store of the community package."""
    from langchain_community.vectorstores import FAISS
    from langchain_huggingface import HuggingFaceEmbeddings

    places = [{"place": place} for place in range(len(passages))]
    store = FAISS.from_texts(passages, HuggingFaceEmbeddings(model_name=model), metadatas=places)
    store.save_local(str(folder / "store"))
    return lambda question: [d.metadata["place"] for d in store.similarity_search(question, k=TOP_K)]


PEERS = {
    "sentence-transformers": sentence_transformers,
    "txtai": txtai,
    "haystack": haystack,
    "llama-index": llama_index,
    "langchain": langchain,
}


def main() -> None:
    """Seconds, of the wall and of the processor, places found, peak memory."""
    peer, model, passages, questions, folder = sys.argv[1:]
    started = time.perf_counter()
    search = PEERS[peer](model, json.loads(Path(passages).read_text()), Path(folder))
    index_s, index_cpu_s = time.perf_counter() - started, time.process_time()
    search("The first question is not counted.")
    found, query_ms, query_cpu_ms = [], [], []
    for question in json.loads(Path(questions).read_text()):
        wall, cpu = time.perf_counter(), time.process_time()
        found.append(search(question))
        query_ms.append(1e3 * (time.perf_counter() - wall))
        query_cpu_ms.append(1e3 * (time.process_time() - cpu))
    result = {
        "index_s": index_s,
        "index_cpu_s": index_cpu_s,
        "query_ms": query_ms,
        "query_cpu_ms": query_cpu_ms,
        "found": found,
        "peak_mb": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1e3,
    }
    sys.stdout.write("\n" + json.dumps(result) + "\n")
    sys.stdout.flush()
    os._exit(0)  # some leave threads behind that would hold the process


if __name__ == "__main__":
    main()
