"""Agents ask, search and read over the Model Context Protocol: asked by its official client, over stdio."""

import subprocess
import sys
from pathlib import Path

import anyio
import pytest
from mcp import Client, StdioServerParameters

from index.index import Index
from qa.mcp import READ_CHARS

PROJECT = Path(__file__).parent.parent
TEXT = "Zürich 🙂\r\nThe tower has 187 steps.\r\n" + "Nothing to report. " * 2000


@pytest.fixture(scope="module")
def index(tmp_path_factory):
    folder = tmp_path_factory.mktemp("mcp")
    (folder / "tower.txt").write_text(TEXT, encoding="utf-8", newline="")
    with Index.open(folder / "index", create=True) as opened:
        assert not opened.add([folder / "tower.txt"]).failed
    return folder / "index"


def talk(index, *calls):
    """The names of the tools, and what each call gives."""

    async def main():
        command = ["-m", "qa", "mcp", "--index", str(index)]
        server = StdioServerParameters(
            command=sys.executable, args=command, cwd=PROJECT, env={"QA_MIN_CONFIDENCE": "0"}
        )
        async with Client(server) as client:
            tools = {tool.name: tool for tool in (await client.list_tools()).tools}
            return tools, [await client.call_tool(name, arguments) for name, arguments in calls]

    return anyio.run(main)


def test_an_agent_asks_searches_and_reads(index):
    question = "How many steps does the tower have?"
    tools, (answer, found, whole, part, missing, wrong) = talk(
        index,
        ("ask", {"question": question}),
        ("search", {"question": question, "top_k": 1}),
        ("read", {"source": "tower.txt"}),
        ("read", {"source": "tower.txt", "start": 7, "end": 9}),
        ("read", {"source": "gone.txt"}),
        ("search", {"question": question, "top_k": 0}),
    )
    assert set(tools) == {"ask", "search", "read"}
    assert all(tool.annotations.read_only_hint for tool in tools.values())
    assert "187" in answer.structured_content["text"]
    for cited in answer.structured_content["citations"]:
        assert TEXT[cited["start"] : cited["end"]] == cited["quote"]
    (hit,) = found.structured_content["hits"]
    assert TEXT[hit["start"] : hit["end"]] == hit["text"]
    assert whole.structured_content["text"] == TEXT[:READ_CHARS]
    assert whole.structured_content["next"] == READ_CHARS
    assert part.structured_content == {
        "source": "tower.txt",
        "start": 7,
        "end": 9,
        "characters": len(TEXT),
        "next": None,
        "text": TEXT[7:9],
    }
    assert missing.is_error and "There is no document" in missing.content[0].text
    assert wrong.is_error


def test_without_an_index_it_does_not_start(tmp_path):
    command = [sys.executable, "-m", "qa", "mcp", "--index", str(tmp_path / "none")]
    done = subprocess.run(command, cwd=PROJECT, capture_output=True, text=True, stdin=subprocess.DEVNULL)
    assert done.returncode == 3 and done.stdout == "" and "none" in done.stderr


def test_without_the_package_it_says_what_to_install(index):
    code = "import sys; sys.modules['mcp'] = None; from qa.cli import main; sys.exit(main(sys.argv[1:]))"
    command = [sys.executable, "-c", code, "mcp", "--index", str(index)]
    done = subprocess.run(command, cwd=PROJECT, capture_output=True, text=True, stdin=subprocess.DEVNULL)
    assert done.returncode == 3 and "pip install 'citespan[mcp]'" in done.stderr and done.stdout == ""
