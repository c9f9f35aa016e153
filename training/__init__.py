"""How the shipped reader was made: public question sets in, ``reader.safetensors`` out."""
