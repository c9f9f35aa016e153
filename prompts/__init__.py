"""Every word that a language model is told. `qa.prompt` loads these files; a folder of the user's wins."""
