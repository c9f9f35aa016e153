"""`python app.py`: the chat page on 127.0.0.1:7860. `qa chat` is the same."""

from page.serve import main

if __name__ == "__main__":
    raise SystemExit(main())
