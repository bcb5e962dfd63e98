"""A GGUF on this machine, run by llama.cpp inside this process."""
