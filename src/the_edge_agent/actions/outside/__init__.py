"""What reaches outside the run: files, HTTP, secrets."""
