"""The original file of a document, over HTTP: a PDF to look at, everything else to save."""

from __future__ import annotations

from urllib.parse import quote

from starlette.requests import Request
from starlette.responses import FileResponse, PlainTextResponse, Response
from starlette.routing import Route

from index.errors import DocumentMissing, QAError
from page.library import Library
from page.viewer import ORIGINAL
from page.words import words_of

# Whatever the file is, the browser runs nothing of it and sends it nowhere.
_HEADERS = {
    "Content-Security-Policy": "default-src 'none'; style-src 'unsafe-inline'; img-src data:; sandbox",
    "X-Content-Type-Options": "nosniff",
    "Cache-Control": "private, no-store",
}


class Originals:
    """The route to the files of a library; page.routes says that only the page may ask for it."""

    def __init__(self, library: Library) -> None:
        """Serve the files that ``library`` knows, and no others."""
        self._library = library

    def routes(self) -> list[Route]:
        """The route."""
        return [Route(ORIGINAL, self.send, methods=["GET"])]

    def send(self, request: Request) -> Response:
        """The file, if it still holds the bytes that were indexed; 404 with a sentence where it does not."""
        source, words = request.query_params.get("source", ""), words_of(request)
        try:
            index = self._library.require()
            path, kind = index.original(source), index.document(source).format
        except DocumentMissing:
            return _missing(words("viewer.gone", source=source))
        except QAError as exc:
            return _missing(str(exc))
        if path is None:
            return _missing(words("viewer.changed", source=source))
        is_pdf = kind == "pdf"
        file_name = quote(source.rsplit("/", 1)[-1].encode("utf-8", "replace"), safe="")
        disposition = f"{'inline' if is_pdf else 'attachment'}; filename*=UTF-8''{file_name}"
        headers = {"Content-Disposition": disposition}
        if is_pdf:  # the browser's own viewer is no page: a sandbox would keep it from opening
            headers |= {name: value for name, value in _HEADERS.items() if name != "Content-Security-Policy"}
        else:
            headers |= _HEADERS
        media = "application/pdf" if is_pdf else "application/octet-stream"
        return FileResponse(path, headers=headers, media_type=media)


def _missing(sentence: str) -> Response:
    return PlainTextResponse(sentence, status_code=404, headers=_HEADERS)
