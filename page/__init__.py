"""The chat page: a Gradio app over `qa`, in which every answer leads to the exact words behind it."""

import os

# Gradio and huggingface_hub read these when they are imported; without them they ask their makers' servers.
os.environ.setdefault("GRADIO_ANALYTICS_ENABLED", "False")
os.environ.setdefault("HF_HUB_OFFLINE", "1")
