"""What works on data at hand: JSON, CSV, Markdown, mappings and lists, templates."""
