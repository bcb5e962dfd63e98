"""Language models behind one small protocol: a local GGUF through llama.cpp, or an API that the user named."""
